import type { Command } from 'commander';
import { repeatable } from './common-options.ts';
import type { CliContext } from './context.ts';

/** Adds `release`. */
export function addReleaseCommand(program: Command, context: CliContext): void {
  program
    .command('release')
    .description('approve removals that the operator holds; run it in the pod of the leader')
    .argument('[NODE...]', 'release all holds on these Consul nodes')
    .option('--all', 'release all holds')
    .option('--service <NAME>', 'release all holds of this Consul service (repeatable)', repeatable)
    .option('--pin', 'keep the holds instead, until they are released')
    .option('--server <URL>', 'address of the operator in this container', 'http://127.0.0.1:8080')
    .action(async (nodes: string[], options: Options) => {
      const { release } = await import('./release.ts');
      const selection = {
        all: options.all === true,
        nodes,
        services: options.service ?? [],
        pin: options.pin === true,
      };
      context.exit(await release({ selection, server: options.server }, context));
    });
}

interface Options {
  readonly all?: boolean;
  readonly pin?: boolean;
  readonly service?: string[];
  readonly server: string;
}
