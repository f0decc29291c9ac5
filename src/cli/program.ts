import { Command, CommanderError } from 'commander';
import { describe, RegistrarError } from '../lib/errors.ts';
import { visibleLines } from '../lib/visible.ts';
import { addCompletionCommand } from './completion-command.ts';
import type { Connect } from './connections.ts';
import type { CliContext } from './context.ts';
import { addDiscoverCommand } from './discover-command.ts';
import { moreHelp } from './examples.ts';
import { addExplainCommand } from './explain-command.ts';
import { errorLine } from './messages.ts';
import { addMigrateCommand } from './migrate/migrate-command.ts';
import { addPlanCommand } from './plan-command.ts';
import { addPurgeCommand } from './purge-command.ts';
import { addReleaseCommand } from './release-command.ts';
import type { RunOperator } from './run.ts';
import { addRunCommand } from './run-command.ts';
import { addValidateCommand } from './validate/validate-command.ts';
import { packageVersion } from './version.ts';
import { addVersionCommand } from './version-command.ts';

export interface ProgramOptions extends Omit<CliContext, 'exit'> {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  /** As it was called. Default: `kube-registrar`. */
  readonly name?: string;
  readonly operator: () => Promise<RunOperator>;
  /** Default: the real network. */
  readonly connect?: Connect;
}

/** Runs the command that `argv` names; returns the exit code. Never rejects: errors are printed on stderr. */
export async function runProgram({
  argv,
  name = 'kube-registrar',
  operator,
  connect,
  ...process
}: ProgramOptions): Promise<number> {
  let exitCode = 0;
  const exit = (code: number): void => {
    exitCode = code;
  };
  const { stdout, stderr } = process;
  const program = new Command(name)
    .description("Keeps Consul's catalog in sync with a Kubernetes cluster.")
    .version(packageVersion(), '--version')
    .exitOverride()
    .addHelpText('afterAll', ({ command }) => moreHelp(name, command.name()))
    .enablePositionalOptions()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) });
  addRunCommand(program, { ...process, exit }, operator);
  const connecting = async () => connect ?? (await import('./connections.ts')).connectAll;
  addPlanCommand(program, { ...process, exit }, connecting);
  addExplainCommand(program, { ...process, exit }, connecting);
  addDiscoverCommand(program, { ...process, exit }, connecting);
  addPurgeCommand(program, { ...process, exit }, connecting);
  addMigrateCommand(program, { ...process, exit }, connecting);
  addReleaseCommand(program, { ...process, exit });
  addValidateCommand(program, { ...process, exit });
  addCompletionCommand(program, { ...process, exit });
  addVersionCommand(program, { ...process, exit });
  // Loaded on demand, because the image is built without it (image/bundle.ts).
  const { addDemoCommand } = await import('./demo/demo-command.ts');
  addDemoCommand(program, { ...process, exit });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode; // Commander has printed the message.
    stderr.write(errorLines(thrown, wantsDebug(argv, process.environment)));
    return 1;
  }
}

/** A line for each mistake; the stack only at level debug. */
function errorLines(thrown: unknown, debug: boolean): string {
  const lines =
    RegistrarError.from(thrown).code === 'internal'
      ? [`internal error: ${describe(thrown)}`]
      : describe(thrown).split('\n');
  const stack = debug && thrown instanceof Error ? `${visibleLines(thrown.stack ?? '')}\n` : '';
  return lines.map(errorLine).join('') + stack;
}

/** Whether the level is `debug`, for errors that come before there is a logger. */
function wantsDebug(argv: readonly string[], environment: CliContext['environment']): boolean {
  return (
    / --log-level[ =]debug /.test(` ${argv.join(' ')} `) ||
    environment['KUBE_REGISTRAR_LOG_LEVEL'] === 'debug'
  );
}
