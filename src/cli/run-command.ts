import { type Command, Option } from 'commander';
import { configFlags } from '../config/flags.ts';
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
    .description('keep Consul true to the cluster, until a signal ends it')
    .option('--config <FILE>', 'configuration file (YAML); environment and flags win over it');
  for (const { flag, value, description, list } of configFlags) {
    const option = new Option(`${flag} <${value}>`, description);
    if (list === true) option.argParser((text: string, before?: string[]) => [...(before ?? []), text]);
    command.addOption(option);
  }
  command.action(async (options: Readonly<Record<string, string | string[]>>) => {
    const flags = Object.fromEntries(
      configFlags.flatMap(({ flag, key }) => {
        const value = options[new Option(flag).attributeName()];
        return value === undefined ? [] : [[key, value]];
      }),
    );
    const { run } = await import('./run.ts');
    const config = options['config'] as string | undefined;
    context.exit(await run({ config, flags }, context, operator));
  });
}
