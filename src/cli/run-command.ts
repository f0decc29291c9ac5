import type { Command } from 'commander';
import { addConfigOptions, configOptionsOf, type ParsedOptions } from './config-options.ts';
import type { CliContext } from './context.ts';
import type { RunOperator } from './run.ts';

/** Adds `run`. What it needs is loaded when it runs, so that `--help` is quick. */
export function addRunCommand(
  program: Command,
  context: CliContext,
  operator: () => Promise<RunOperator>,
): void {
  const command = program
    .command('run')
    .description('keep Consul in sync with the cluster until a signal arrives');
  addConfigOptions(command, { forRun: true }).action(async (options: ParsedOptions) => {
    const { run } = await import('./run.ts');
    context.exit(await run(configOptionsOf(options), context, operator));
  });
}
