import type { Command } from 'commander';
import { outputOption, timeoutOption } from './common-options.ts';
import { addConfigOptions, configOptionsOf, type ParsedOptions } from './config-options.ts';
import type { Connect } from './connections.ts';
import type { CliContext } from './context.ts';

/** Adds `explain`. */
export function addExplainCommand(
  program: Command,
  context: CliContext,
  connect: () => Promise<Connect>,
): void {
  const command = program
    .command('explain')
    .description(
      'show what is registered for an object, what is not, and why; exit 0: all as wanted, 2: not all, 1: not found or an error',
    )
    .argument(
      '<OBJECT...>',
      'pod/NAME, svc/NAME, ingress/NAME, httproute/NAME, gateway/NAME ..., or a workload: deploy/NAME, sts/NAME, cronjob/NAME ...',
    )
    .option('--server <URL>', 'also show what the operator at this URL holds, and what Consul refuses')
    .addOption(outputOption('how to show it', ['text', 'json', 'yaml']))
    .addOption(timeoutOption());
  addConfigOptions(command, { forObject: true }).action(async (object: string[], options: ParsedOptions) => {
    const { explain } = await import('./explain.ts');
    const wanted = {
      ...configOptionsOf(options, { forObject: true }),
      object,
      namespace: options['namespace'] as string | undefined,
      output: options['output'] as 'text' | 'json' | 'yaml',
      server: options['server'] as string | undefined,
      timeoutMs: options['timeout'] as unknown as number,
    };
    context.exit(await explain(wanted, context, await connect()));
  });
}
