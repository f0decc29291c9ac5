/**
 * Programs from the packages of Debian or Ubuntu, unpacked into the cache with the libraries that the machine
 * lacks. Nothing is installed and nothing of apt's own state is touched, so no rights are needed.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { reportedVersion } from './locate.ts';
import { cachePath, cacheRoot, type DebianProgram } from './programs.ts';

const run = promisify(execFile);
const maxBuffer = 64 * 1024 * 1024;

export async function requireApt(whatIsMissing: string, signal: AbortSignal): Promise<void> {
  for (const tool of ['apt-get', 'dpkg']) {
    await run(tool, ['--version'], { signal }).catch(() => {
      signal.throwIfAborted();
      throw new Error(
        `${whatIsMissing}\n${tool}, which would fetch them, is not here: install them as is usual here.`,
      );
    });
  }
}

/** Unpacks the program into the cache; resolves with its version. */
export async function unpackDebian(
  program: DebianProgram,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string> {
  const target = dirname(cachePath(program, env));
  const unfinished = `${target}.${process.pid}`;
  try {
    const packages = join(unfinished, 'packages');
    const root = join(unfinished, 'root');
    await mkdir(packages, { recursive: true });
    const machines = await Apt.open(join(cacheRoot(env), 'apt'), signal);
    const { packageName = program.name, alsoPackages = [], files = {}, suite } = program;
    const apt =
      suite === undefined ? machines : await machines.ofSuite(suite, join(cacheRoot(env), `apt-${suite}`));
    // A program of an older release runs with the libraries of the machine, which are newer.
    const libraries = suite === undefined ? await apt.missingLibraries(packageName) : [];
    await apt.download([packageName, ...alsoPackages, ...libraries], packages);
    for (const file of await readdir(packages)) {
      await run('dpkg', ['-x', join(packages, file), root], { signal });
    }
    await rm(packages, { recursive: true });
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
    }
    const starter = join(unfinished, program.name);
    await writeFile(starter, startScript(program, unfinished, await libraryFolders(root)));
    await chmod(starter, 0o755);
    const version = await reportedVersion(program, starter);
    // What is there is not whole, or it would have been found.
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
    return version;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Unpacks packages, and nothing they depend on, into a directory; their scripts are not run. */
export async function unpackPackages(
  names: readonly string[],
  directory: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  const packages = `${directory}.packages`;
  try {
    await mkdir(packages, { recursive: true });
    const apt = await Apt.open(join(cacheRoot(env), 'apt'), signal);
    await apt.download(names, packages);
    for (const file of await readdir(packages)) await run('dpkg', ['-x', join(packages, file), directory]);
  } finally {
    await rm(packages, { recursive: true, force: true });
  }
}

/** Becomes the program, with the libraries beside it; finds both wherever the cache lies. */
function startScript(
  { file, paths = {} }: DebianProgram,
  directory: string,
  libraries: readonly string[],
): string {
  const path = libraries.map((folder) => `$here/${relative(directory, folder)}`).join(':');
  return [
    '#!/bin/sh',
    'here=$(dirname "$(readlink -f "$0")")',
    ...(path === '' ? [] : [`export LD_LIBRARY_PATH="${path}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`]),
    ...Object.entries(paths).map(([name, path]) => `export ${name}="$here/root/${path}"`),
    `exec "$here/root/${file}" "$@"`,
    '',
  ].join('\n');
}

async function libraryFolders(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const folders = entries.filter(({ name }) => /\.so(\.|$)/.test(name)).map(({ parentPath }) => parentPath);
  return [...new Set(folders)].sort();
}

const keysOfDebian = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** apt-get with lists of its own: the machine's may be old or missing, and only root may renew them. */
class Apt {
  readonly #options: readonly string[];
  readonly #signal: AbortSignal;

  static async open(
    directory: string,
    signal: AbortSignal,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<Apt> {
    const apt = new Apt(directory, signal, settings);
    for (const folder of ['lists/partial', 'cache/archives/partial']) {
      await mkdir(join(directory, folder), { recursive: true });
    }
    await apt.#get(['update']);
    return apt;
  }

  /** The same for another release of Debian, from where the machine's packages come from. */
  async ofSuite(suite: string, directory: string): Promise<Apt> {
    const format = ['--format', '$(LABEL) $(REPO_URI)', 'Created-By: Packages'];
    const targets = (await this.#get(['indextargets', ...format])).split('\n').map((line) => line.split(' '));
    const [, uri] = targets.find(([label]) => label === 'Debian') ?? [];
    if (uri === undefined) throw new Error(`apt has no archive of Debian to take packages of ${suite} from`);
    const sources = join(directory, 'sources');
    await mkdir(sources, { recursive: true });
    const fields = { Types: 'deb', URIs: uri, Suites: suite, Components: 'main', 'Signed-By': keysOfDebian };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
    await writeFile(join(sources, `${suite}.sources`), lines.join(''));
    return Apt.open(directory, this.#signal, {
      'Dir::Etc::SourceList': '/dev/null',
      'Dir::Etc::SourceParts': sources,
    });
  }

  private constructor(directory: string, signal: AbortSignal, more: Readonly<Record<string, string>>) {
    this.#signal = signal;
    const settings = {
      ...more,
      'Dir::State::Lists': join(directory, 'lists'),
      'Dir::Cache': join(directory, 'cache'),
      // Root would otherwise hand the download to a user who may not write here.
      'APT::Sandbox::User': '',
      'Debug::NoLocking': 'true',
    };
    this.#options = Object.entries(settings).map(([name, value]) => `-o${name}=${value}`);
  }

  /** Libraries that installing the package would bring: the others are on the machine. */
  async missingLibraries(name: string): Promise<string[]> {
    const printed = await this.#get(['--simulate', '--no-install-recommends', 'install', name]);
    const packages = [...printed.matchAll(/^Inst (\S+)/gm)].map(([, found = '']) => found);
    return packages.filter((found) => found !== name && /^lib(?!js-)/.test(found));
  }

  async download(names: readonly string[], directory: string): Promise<void> {
    await this.#get(['download', ...names], directory);
  }

  async #get(args: readonly string[], cwd?: string): Promise<string> {
    try {
      const { stdout } = await run('apt-get', ['-q', ...this.#options, ...args], {
        signal: this.#signal,
        maxBuffer,
        env: { ...process.env, LC_ALL: 'C' },
        ...(cwd === undefined ? {} : { cwd }),
      });
      return stdout;
    } catch (error) {
      const printed = (error as { stderr?: string }).stderr?.trim();
      throw new Error(`apt-get ${args.join(' ')} failed:\n${printed || error}`, { cause: error });
    }
  }
}
