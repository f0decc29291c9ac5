import type { Command } from 'commander';
import { repeatable, timeoutOption } from './common-options.ts';
import { addConfigOptions, configOptionsOf, type ParsedOptions } from './config-options.ts';
import type { Connect } from './connections.ts';
import type { CliContext } from './context.ts';

/** Adds `purge`. */
export function addPurgeCommand(
  program: Command,
  context: CliContext,
  connect: () => Promise<Connect>,
): void {
  const command = program
    .command('purge')
    .description('remove everything that this cluster owns in Consul, after confirmation')
    .option('--yes', 'do not ask')
    .option(
      '--cluster-uid <UID>',
      'uid of a cluster that no longer exists, as in the node meta kube-cluster-uid',
    )
    .option(
      '--node <NAME>',
      'only this Consul node; a trailing * matches any suffix (repeatable)',
      repeatable,
    )
    .addOption(timeoutOption());
  addConfigOptions(command).action(async (options: ParsedOptions) => {
    const { purge } = await import('./purge.ts');
    const wanted = {
      ...configOptionsOf(options),
      yes: options['yes'] === true,
      clusterUid: options['clusterUid'] as string | undefined,
      nodes: (options['node'] ?? []) as string[],
      timeoutMs: options['timeout'] as unknown as number,
    };
    context.exit(await purge(wanted, context, await connect()));
  });
}
