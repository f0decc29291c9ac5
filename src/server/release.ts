import * as z from 'zod';
import { RegistrarError } from '../lib/errors.ts';
import type { Released, Selection } from '../reconcile/holds/guard.ts';
import type { Answer } from './routes.ts';

/** Where a person releases what is held: `POST`, JSON of a Selection, answered by a Released. */
export const releasePath = '/holds/release';

const selection = z.strictObject({
  all: z.boolean(),
  nodes: z.array(z.string()),
  services: z.array(z.string()),
  pin: z.boolean().optional(),
});

/**
 * Answers a request that came through the local socket. When `release` throws `conflict`, because nothing can be
 * released, the answer is 409.
 */
export async function answerRelease(
  method: string,
  body: () => Promise<string>,
  release: (selection: Selection) => Released,
): Promise<Answer> {
  if (method !== 'POST') return refuse(405, `method ${method} is not allowed; use POST`, { allow: 'POST' });
  let parsed: Selection;
  try {
    parsed = selection.parse(JSON.parse(await body()));
  } catch {
    return refuse(400, 'the body must be {"all": …, "nodes": […], "services": […]}');
  }
  try {
    const text = `${JSON.stringify(release(parsed))}\n`;
    return { status: 200, contentType: 'application/json; charset=utf-8', body: text };
  } catch (thrown) {
    const { code, message } = RegistrarError.from(thrown);
    if (code !== 'conflict') throw thrown;
    return refuse(409, message);
  }
}

/** The answer to every request over the network. */
export const releaseRefused = (): Answer =>
  refuse(403, 'only accepted from the pod itself: kubectl exec … -- kube-registrar release --all');

function refuse(status: number, why: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${why}\n`, headers };
}
