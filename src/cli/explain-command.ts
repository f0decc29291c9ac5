import type { Command } from 'commander';
import { addConfigOptions, configOptionsOf, type ParsedOptions } from './config-options.ts';
import type { Connect } from './connections.ts';
import type { CliContext } from './context.ts';
import { timeoutOption } from './shared-options.ts';

/** Adds `explain`. */
export function addExplainCommand(
  program: Command,
  context: CliContext,
  connect: () => Promise<Connect>,
): void {
  const command = program
    .command('explain')
    .description(
      'say what is registered for a pod or a Service, what is not, and why; exit 0: all as wanted, 2: not',
    )
    .argument('<OBJECT>', 'pod/NAME or svc/NAME')
    // -n as kubectl has it; --namespace says which namespaces are watched.
    .option('-n <NAMESPACE>', 'namespace of the object', 'default')
    .option(
      '--server <URL>',
      'also say what the operator that listens there holds back, and what Consul refuses it',
    )
    .addOption(timeoutOption());
  addConfigOptions(command).action(async (object: string, options: ParsedOptions) => {
    const { explain } = await import('./explain.ts');
    const wanted = {
      ...configOptionsOf(options),
      object,
      namespace: options['n'] as string,
      server: options['server'] as string | undefined,
      timeoutMs: options['timeout'] as unknown as number,
    };
    context.exit(await explain(wanted, context, await connect()));
  });
}
