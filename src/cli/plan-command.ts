import type { Command } from 'commander';
import { outputOption, timeoutOption } from './common-options.ts';
import { addConfigOptions, configOptionsOf, type ParsedOptions } from './config-options.ts';
import type { Connect } from './connections.ts';
import type { CliContext } from './context.ts';

/** Adds `plan`. */
export function addPlanCommand(program: Command, context: CliContext, connect: () => Promise<Connect>): void {
  const command = program
    .command('plan')
    .description('show what the operator would change; exit 0: no changes, 2: changes, 1: an error')
    .addOption(outputOption('how to show it', ['text', 'json', 'yaml']))
    .option('--server <URL>', 'show what the operator at this URL holds, and what Consul refuses')
    .option('--check-writes', 'also ask Consul whether it would accept the changes; nothing is written')
    .option('--rename', 'plan a move to another cluster name; see migration.md')
    .addOption(timeoutOption());
  addConfigOptions(command).action(async (options: ParsedOptions) => {
    const { showPlan } = await import('./plan.ts');
    const wanted = {
      ...configOptionsOf(options),
      output: options['output'] as 'text' | 'json' | 'yaml',
      server: options['server'] as string | undefined,
      rename: options['rename'] === true,
      checkWrites: options['checkWrites'] === true,
      timeoutMs: options['timeout'] as unknown as number,
    };
    context.exit(await showPlan(wanted, context, await connect()));
  });
}
