import { z } from 'zod';
import { RegistrarError } from '../lib/errors.ts';
import type { Released, Selection } from '../reconcile/guard/guard.ts';
import type { Answer } from './routes.ts';

/** Where a person lets go what is held: `POST`, JSON of a Selection, answered by a Released. */
export const releasePath = '/holds/release';

export interface ReleaseRequest {
  readonly method: string;
  /** Of the other end of the connection. */
  readonly remoteAddress: string | undefined;
  readonly host: string | undefined;
  readonly contentType: string | undefined;
  readonly body: () => Promise<string>;
}

const selection = z.strictObject({
  all: z.boolean(),
  nodes: z.array(z.string()),
  services: z.array(z.string()),
});

const loopback = /^(?:::1|(?:::ffff:)?127\.\d+\.\d+\.\d+)$/;
const loopbackHost = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i;

/**
 * Only for who is in the pod already (`kubectl exec`, `kubectl port-forward`), which the API server's rights
 * decide: the connection must come from loopback. A browser on the other side of a forwarded port must not be
 * talked into it: it cannot send this content type to another origin unasked, nor, with a name of its own for
 * this address, the right host. `release` throws `conflict` where nothing can be let go: the answer is 409.
 */
export async function answerRelease(
  request: ReleaseRequest,
  release: (selection: Selection) => Released,
): Promise<Answer> {
  const { method, remoteAddress = '', host = '', contentType = '' } = request;
  if (method !== 'POST') return refuse(405, `method ${method} is not allowed; use POST`, { allow: 'POST' });
  if (!loopback.test(remoteAddress) || !loopbackHost.test(host)) {
    return refuse(403, 'only from the pod itself: kubectl exec … -- kube-registrar release --all');
  }
  if (!/^application\/json\b/i.test(contentType)) return refuse(415, 'the body must be application/json');
  let parsed: Selection;
  try {
    parsed = selection.parse(JSON.parse(await request.body()));
  } catch {
    return refuse(400, 'the body must be {"all": …, "nodes": […], "services": […]}');
  }
  try {
    const body = `${JSON.stringify(release(parsed))}\n`;
    return { status: 200, contentType: 'application/json; charset=utf-8', body };
  } catch (thrown) {
    const { code, message } = RegistrarError.from(thrown);
    if (code !== 'conflict') throw thrown;
    return refuse(409, message);
  }
}

function refuse(status: number, why: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${why}\n`, headers };
}
