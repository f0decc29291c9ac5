import type { Command } from 'commander';
import { outputOption } from './common-options.ts';
import type { CliContext } from './context.ts';
import { packageVersion } from './version.ts';

/** Adds `version`. */
export function addVersionCommand(program: Command, context: CliContext): void {
  program
    .command('version')
    .description('print the version, and the versions of Kubernetes and Consul it was tested with')
    .addOption(outputOption('how to show it', ['text', 'json', 'yaml']))
    .action(async ({ output }: { readonly output: 'text' | 'json' | 'yaml' }) => {
      const { commit, triedWith } = await import('./provenance.ts');
      const { structured } = await import('./structured.ts');
      const node = process.version.slice(1);
      const about = { version: packageVersion(), commit: commit(context.environment), node, triedWith };
      const lines = [
        `kube-registrar ${about.version}${about.commit === undefined ? '' : `, commit ${about.commit}`}`,
        `Node ${node}`,
        `tested with Kubernetes ${triedWith.kubernetes.join(', ')} and Consul ${triedWith.consul.join(', ')}`,
      ];
      context.stdout.write(output === 'text' ? `${lines.join('\n')}\n` : structured(about, output));
    });
}
