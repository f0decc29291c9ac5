import { z } from 'zod';
import { RegistrarError } from '../lib/errors.ts';
import { HttpTransport } from '../lib/http-transport.ts';
import { readText } from '../lib/transport.ts';
import type { Selection } from '../reconcile/guard/guard.ts';
import { releasePath } from '../server/release.ts';
import type { CliContext } from './context.ts';

export interface ReleaseOptions {
  readonly selection: Selection;
  /** Origin of the operator's HTTP server. */
  readonly server: string;
}

const released = z.object({ removals: z.number(), nodes: z.number() });

/**
 * `kube-registrar release`. Returns the exit code: 0 when something was let go, 2 when nothing of that was
 * held. Rejects with `config` when nothing is selected, and when the operator does not answer or refuses.
 */
export async function release(
  { selection, server }: ReleaseOptions,
  { stdout, signal }: Pick<CliContext, 'stdout' | 'signal'>,
): Promise<number> {
  if (!selection.all && selection.nodes.length + selection.services.length === 0) {
    throw new RegistrarError('config', 'release: say what: --all, --service NAME, or names of Consul nodes');
  }
  const origin = URL.canParse(server) ? new URL(server).origin : 'null';
  if (origin === 'null') {
    throw new RegistrarError('config', `release: --server ${server} is no URL like http://127.0.0.1:8080`);
  }
  const transport = new HttpTransport({ origin });
  try {
    const response = await transport.request({
      method: 'POST',
      path: releasePath,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(selection),
      headersTimeoutMs: 10_000,
      signal,
    });
    const text = await readText(response);
    if (response.status !== 200) {
      throw new RegistrarError('rejected', `${origin}${releasePath}: ${text.trim()} (${response.status})`);
    }
    const { removals, nodes } = released.parse(JSON.parse(text));
    stdout.write(
      removals + nodes === 0
        ? 'Nothing of that is held.\n'
        : `Let go: ${removals} removals, and the loss of health on ${nodes} nodes.\n`,
    );
    return removals + nodes === 0 ? 2 : 0;
  } finally {
    await transport.close();
  }
}
