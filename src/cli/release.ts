import * as z from 'zod';
import { RegistrarError } from '../lib/errors.ts';
import type { Selection } from '../reconcile/holds/guard.ts';
import { releasePath } from '../server/release.ts';
import type { CliContext } from './context.ts';
import { askOperator } from './running-operator.ts';

export interface ReleaseOptions {
  readonly selection: Selection;
  /** Origin of the operator's HTTP server, in this container: its port names the socket that is used. */
  readonly server: string;
}

const released = z.object({ removals: z.number(), nodes: z.number() });

/**
 * `kube-registrar release`. Returns the exit code: 0 when something was released, 2 when nothing of that was
 * held. Rejects with `config` when nothing is selected, and when the operator does not answer or refuses.
 */
export async function release(
  { selection, server }: ReleaseOptions,
  { stdout, signal }: Pick<CliContext, 'stdout' | 'signal'>,
): Promise<number> {
  if (!selection.all && selection.nodes.length + selection.services.length === 0) {
    throw new RegistrarError(
      'config',
      'release: choose what to release: --all, --service NAME, or names of Consul nodes',
    );
  }
  const request = {
    method: 'POST',
    path: releasePath,
    locally: true,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(selection),
  } as const;
  const text = await askOperator({ command: 'release', server, ...request }, signal);
  const { removals, nodes } = released.parse(JSON.parse(text));
  const done = selection.pin === true ? 'Pinned' : 'Released';
  stdout.write(
    removals + nodes === 0
      ? 'Nothing matching is held.\n'
      : `${done}: ${removals} removals, and the loss of health on ${nodes} nodes.\n`,
  );
  return removals + nodes === 0 ? 2 : 0;
}
