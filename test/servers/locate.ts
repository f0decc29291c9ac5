/**
 * Finds the servers' binaries. In this order: the directory KUBEBUILDER_ASSETS (etcd and Kubernetes) or the
 * files CONSUL_BIN, HELM_BIN, PROMETHEUS_BIN, PROMTOOL_BIN, HAPROXY_BIN, NGINX_BIN and CHROMIUM_BIN, what
 * `npm run servers` built, the PATH.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { cachePath, type Program, type ProgramName, programNamed, programNames } from './programs.ts';

const run = promisify(execFile);

export interface LocatedServers {
  /** Absolute path of each program that was found. */
  readonly paths: Partial<Record<ProgramName, string>>;
  /** Programs that are nowhere to be found. */
  readonly missing: readonly ProgramName[];
  /** Why a binary that was there is not used, one line each. */
  readonly notes: readonly string[];
}

/**
 * A variable that names a binary which is absent or does not run is an error, not a reason to look elsewhere:
 * the tests would quietly run against another version than the one asked for.
 */
export async function locateServers(env: NodeJS.ProcessEnv = process.env): Promise<LocatedServers> {
  const notes: string[] = [];
  const found = await Promise.all(
    programNames.map(async (name) => [name, await locate(programNamed(name), env, notes)] as const),
  );
  const paths: Partial<Record<ProgramName, string>> = {};
  const missing: ProgramName[] = [];
  for (const [name, path] of found) {
    if (path === undefined) missing.push(name);
    else paths[name] = path;
  }
  return { paths, missing, notes };
}

/** The paths of the programs a test needs, or one error that names what is missing and how to get it. */
export async function requireServers<Name extends ProgramName>(
  names: readonly Name[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Record<Name, string>> {
  const { paths, notes } = await locateServers(env);
  const missing = names.filter((name) => paths[name] === undefined);
  if (missing.length > 0) throw new Error(missingMessage(missing, notes));
  return Object.fromEntries(names.map((name) => [name, paths[name]])) as Record<Name, string>;
}

export function missingMessage(missing: readonly ProgramName[], notes: readonly string[] = []): string {
  return [
    `Not found: ${missing.join(', ')}.`,
    ...notes,
    'Run `npm run servers` to get them: it takes promtool, haproxy, nginx, runc, chromium and the like from packages of Debian,',
    'without installing them, and builds the others with Go 1.26 or later, which takes some 30 minutes on two cores the',
    'first time. Or point KUBEBUILDER_ASSETS at a directory with etcd and the kube-* programs, and CONSUL_BIN, HELM_BIN,',
    'PROMETHEUS_BIN, PROMTOOL_BIN, HAPROXY_BIN, NGINX_BIN and CHROMIUM_BIN at these programs, or put them on the PATH.',
  ].join('\n');
}

/** The version a binary reports, or an error that says how it failed. */
export async function reportedVersion(program: Program, path: string): Promise<string> {
  const { stdout, stderr } = await run(path, [...program.versionArgs], { timeout: 30_000 });
  // nginx prints it on stderr.
  const printed = `${stdout}${stderr}`;
  const version = /\bv?(\d+\.\d+\.\d+[\w.+-]*)/.exec(printed)?.[1];
  if (version === undefined) throw new Error(`printed no version: ${printed.trim().slice(0, 200)}`);
  return version;
}

async function locate(
  program: Program,
  env: NodeJS.ProcessEnv,
  notes: string[],
): Promise<string | undefined> {
  const given = await givenPath(program, env);
  if (given !== undefined) {
    await reportedVersion(program, given.path).catch((error: unknown) => {
      throw new Error(`${given.variable} names ${given.path}, which does not run: ${text(error)}`);
    });
    return given.path;
  }
  const cached = cachePath(program, env);
  if (await isExecutable(cached)) return cached;
  return onPath(program, env, notes);
}

async function givenPath(
  program: Program,
  env: NodeJS.ProcessEnv,
): Promise<{ variable: string; path: string } | undefined> {
  const { variable } = program;
  if (variable !== undefined) {
    const file = env[variable];
    return file ? { variable, path: resolve(file) } : undefined;
  }
  const assets = env['KUBEBUILDER_ASSETS'];
  if (!assets) return undefined;
  const path = resolve(assets, program.name);
  // Such directories come with etcd and kube-apiserver only; the rest may come from elsewhere.
  const optional = program.name !== 'etcd' && program.name !== 'kube-apiserver';
  return optional && !(await isExecutable(path)) ? undefined : { variable: 'KUBEBUILDER_ASSETS', path };
}

async function onPath(
  program: Program,
  env: NodeJS.ProcessEnv,
  notes: string[],
): Promise<string | undefined> {
  for (const directory of (env['PATH'] ?? '').split(delimiter)) {
    if (directory === '') continue;
    const path = resolve(join(directory, program.name));
    if (!(await isExecutable(path))) continue;
    try {
      const version = await reportedVersion(program, path);
      if (isRecent(version, program.oldest)) return path;
      notes.push(`${path} is ${version}; the tests need ${program.oldest.join('.')} or later.`);
    } catch (error) {
      notes.push(`${path} does not run: ${text(error)}`);
    }
  }
  return undefined;
}

function isRecent(version: string, [oldestMajor, oldestMinor]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function text(error: unknown): string {
  return error instanceof Error ? error.message.trim() : String(error);
}
