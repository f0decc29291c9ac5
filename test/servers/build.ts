/**
 * `npm run servers`: gets the real servers that the end-to-end tests run, built from source pinned beside this
 * file or taken from Debian's packages, into a cache outside the checkout. What is there already, or given, is left alone, so a second call is
 * instant. Exits 0 when every program is at hand.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { requireApt, unpackDebian } from './debian.ts';
import { locateServers, missingMessage, reportedVersion } from './locate.ts';
import {
  cachePath,
  cacheRoot,
  type GoProgram,
  type Program,
  pinnedVersion,
  programNamed,
  programs,
  sourceDir,
} from './programs.ts';
import { Progress } from './progress.ts';

/** The lock's holder touches it this often, ms. */
const lockBeat = 5_000;
/** A lock untouched for this long belongs to a build that was killed, ms. */
const lockStale = 30_000;

const go = 'go';
/** Go as it is set up on this machine, except that no C compiler is needed. */
const goEnv = { ...process.env, CGO_ENABLED: '0' };

async function main(signal: AbortSignal): Promise<void> {
  let located = await locateServers();
  if (located.missing.length > 0) {
    const missing = located.missing.map(programNamed);
    const message = missingMessage(located.missing, located.notes);
    if (missing.some(({ origin }) => origin === 'go')) await requireGo(message, signal);
    if (missing.some(({ origin }) => origin === 'debian')) await requireApt(message, signal);
    await using _lock = await takeLock(join(cacheRoot(process.env), 'build.lock'), signal);
    // Whoever held the lock before may have built them.
    located = await locateServers();
    const failures: string[] = [];
    for (const [index, name] of located.missing.entries()) {
      const program = programNamed(name);
      await obtain(program, `[${index + 1}/${located.missing.length}]`, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        // The others are of use all the same.
        const given =
          program.variable === undefined ? '' : `; ${program.variable} may name one that you have`;
        failures.push(`${name}: ${error instanceof Error ? error.message : error}${given}`);
      });
    }
    if (failures.length > 0) throw new Error(failures.join('\n'));
    located = await locateServers();
  }
  for (const { name } of programs) console.log(`${name}: ${located.paths[name]}`);
}

async function obtain(program: Program, position: string, signal: AbortSignal): Promise<void> {
  switch (program.origin) {
    case 'go': {
      using progress = new Progress(`${position} ${program.name} ${pinnedVersion(program)}`);
      await build(program, progress, signal);
      progress.end(`built in ${progress.elapsed()}`);
      return;
    }
    case 'debian': {
      using progress = new Progress(`${position} ${program.name}`);
      const version = await unpackDebian(program, process.env, signal);
      progress.end(`${version} unpacked in ${progress.elapsed()}`);
      return;
    }
  }
}

/** Builds beside the program's final place and renames, so that a half-written file is never found there. */
async function build(program: GoProgram, progress: Progress, signal: AbortSignal): Promise<void> {
  const target = cachePath(program, process.env);
  const unfinished = join(dirname(target), `.${program.name}.${process.pid}`);
  await mkdir(dirname(target), { recursive: true });
  try {
    await goBuild(program, unfinished, progress, signal);
    await reportedVersion(program, unfinished);
    await rename(unfinished, target);
  } finally {
    await rm(unfinished, { force: true });
  }
}

async function goBuild(
  program: GoProgram,
  output: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const stamps = Object.entries(program.stamps(pinnedVersion(program)));
  const linker = ['-s', '-w', ...stamps.map(([variable, value]) => `-X ${variable}=${value}`)].join(' ');
  // readonly: a go.sum that lacks something is an error to fix, not a reason to write into the checkout.
  const args = [
    'build',
    '-v',
    '-mod=readonly',
    '-trimpath',
    ...(program.tags === undefined ? [] : ['-tags', program.tags.join()]),
    '-ldflags',
    linker,
    '-o',
    output,
    program.package,
  ];
  const child = spawn(go, args, {
    cwd: sourceDir(program),
    env: goEnv,
    signal,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const tail: string[] = [];
  let rest = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      // With -v go names each package it compiles on a line of its own; anything else is a message.
      if (/^\S+$/.test(line)) progress.packages++;
      else tail.push(line);
    }
    tail.splice(0, tail.length - 40);
  });
  const code = await exitOf(child);
  if (code !== 0)
    throw new Error(`go build ${program.package} failed:\n${[...tail, rest].join('\n').trim()}`);
}

async function requireGo(whatIsMissing: string, signal: AbortSignal): Promise<void> {
  const code = await exitOf(spawn(go, ['version'], { signal, stdio: 'ignore' })).catch(
    (error: unknown) => error,
  );
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`${whatIsMissing}\nGo, which would build them, is not on the PATH.`);
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

/**
 * One build at a time, because two would only compile the same packages twice. The lock is kept alive by its
 * modification time and not by a process id, so that it also holds between containers that share the cache.
 * Should two builds run after all, both put the same file in place.
 */
async function takeLock(path: string, signal: AbortSignal): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  let told = false;
  while (!(await create(path))) {
    const touched = await stat(path).then(
      (found) => found.mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - touched > lockStale) {
      await rm(path, { force: true });
      continue;
    }
    if (!told) console.log('another build is running; waiting for it …');
    told = true;
    await delay(500, undefined, { signal });
  }
  const beat = setInterval(() => {
    const now = new Date();
    // A beat that fails costs at worst a second build.
    utimes(path, now, now).catch(() => {});
  }, lockBeat);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(beat);
      await rm(path, { force: true });
    },
  };
}

async function create(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort());
try {
  await main(interrupted.signal);
} catch (error) {
  console.error(interrupted.signal.aborted ? 'interrupted' : error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
