import type { Command } from 'commander';
import { outputOption, repeatable } from './common-options.ts';
import { addConfigOptions, configOptionsOf, type ParsedOptions } from './config-options.ts';
import type { Connect } from './connections.ts';
import type { CliContext } from './context.ts';

/** Adds `discover`. */
export function addDiscoverCommand(
  program: Command,
  context: CliContext,
  connect: () => Promise<Connect>,
): void {
  const command = program
    .command('discover')
    .description(
      "show a service's instances as a consumer finds them; exit 0: at least one passes, 2: none, 1: an error",
    )
    .argument('<SERVICE>', 'name of the service in Consul')
    .option('--tag <TAG>', 'only instances with this tag (repeatable: all of them)', repeatable)
    .option('-w, --watch', 'keep running and show every change')
    .addOption(
      outputOption('output format; with --watch, one JSON object per line', ['text', 'json', 'yaml']),
    );
  addConfigOptions(command, { section: 'consul' }).action(async (service: string, options: ParsedOptions) => {
    const { discover } = await import('./discover.ts');
    const wanted = {
      ...configOptionsOf(options),
      service,
      tags: (options['tag'] ?? []) as string[],
      watch: options['watch'] === true,
      output: options['output'] as 'text' | 'json' | 'yaml',
    };
    context.exit(await discover(wanted, context, await connect()));
  });
}
