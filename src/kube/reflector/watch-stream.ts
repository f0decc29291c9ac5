import type { Random } from '../../lib/random.ts';
import type { Transport } from '../../lib/transport.ts';
import { throwIfRefused } from '../answer.ts';
import { completeLines } from './lines.ts';
import { collectionPath, collectionUrl, type Resource } from './resource.ts';

/** An object is at most 1.5 MiB in etcd. */
const maxLineBytes = 8 * 1024 * 1024;

export interface WatchStreamOptions {
  readonly transport: Transport;
  readonly random: Random;
  readonly resource: Resource;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** The resourceVersion after which to watch; undefined: from the initial events on (WatchList, KEP-3157). */
  readonly resumeAt: string | undefined;
  readonly signal: AbortSignal;
}

/** Opens a watch. Resolves with its lines once the API server has accepted it; rejects when it refuses. */
export async function openWatch(options: WatchStreamOptions): Promise<AsyncIterable<readonly string[]>> {
  const { transport, random, resource, namespace, resumeAt, signal } = options;
  const response = await transport.request({
    method: 'GET',
    path: collectionUrl(resource, namespace, {
      watch: 'true',
      allowWatchBookmarks: 'true',
      // Spread out, so that the watches of all clients do not end together.
      timeoutSeconds: String(300 + Math.floor(301 * random())),
      ...(resumeAt === undefined
        ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
        : { resourceVersion: resumeAt }),
    }),
    headers: { accept: 'application/json' },
    signal,
    bodyTimeoutMs: 0,
  });
  await throwIfRefused(`GET ${collectionPath(resource, namespace)}`, response);
  return completeLines(response.body, maxLineBytes);
}
