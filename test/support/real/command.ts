/** Programs as they are run: a process of their own, configured by the environment. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export interface Command extends AsyncDisposable {
  /** Everything it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The exit code, once it has ended. */
  readonly exit: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

/** A command of kube-registrar. `env` replaces the environment whole. */
export function startCommand(argv: readonly string[], env: Readonly<Record<string, string>>): Command {
  return startProgram([program, ...argv], env);
}

/** A program for Node: its file, then its arguments. */
export function startProgram(argv: readonly string[], env: Readonly<Record<string, string>>): Command {
  const child: ChildProcess = spawn(process.execPath, [...argv], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => (written[name] += chunk));
  }
  const exit = once(child, 'close').then(([code]) => code as number | null);
  return {
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    exit,
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** Runs a command to its end. */
export async function runCommand(argv: readonly string[], env: Readonly<Record<string, string>>) {
  await using command = startCommand(argv, env);
  const code = await command.exit;
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}
