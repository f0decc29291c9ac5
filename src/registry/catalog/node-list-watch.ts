import type { RegistrarError } from '../../lib/errors.ts';
import { repeat } from '../../lib/retry.ts';
import { type ConsulNodeName, consulNodeName } from '../../model/keys.ts';
import { trusted } from './catalog-reader.ts';
import { indexAfter, waitForIndex } from './wait-for-index.ts';
import type { WatchContext } from './watch-context.ts';

/**
 * Pause after an answer that came at once, in milliseconds. Registrations of services move the list's index without
 * ending a query that is already blocking, so the next query is answered at once.
 */
const paceMs = 1_000;
const longestPaceMs = 3_000;

export interface NodeListWatchOptions {
  readonly context: WatchContext;
  /** Only nodes with this meta. */
  readonly nodeMeta: Readonly<Record<string, string>>;
  /** Called after every answer, whether or not anything in it is new. Rejects when the answer must not be believed. */
  readonly onList: (names: ReadonlySet<ConsulNodeName>, signal: AbortSignal) => Promise<void>;
  /** The index went back: Consul was restored from a snapshot, or wiped. */
  readonly onIndexReset: () => void;
  readonly onError: (error: RegistrarError) => void;
  readonly onOk: () => void;
}

/** Watches which nodes this cluster has, by one blocking query after the other. Runs until the signal aborts. */
export async function watchNodeList(options: NodeListWatchOptions, signal: AbortSignal): Promise<void> {
  const { context, nodeMeta, onList, onIndexReset, onError, onOk } = options;
  const { client, clock, random } = context;
  let last = 0;
  let pauseMs = 0;
  const step = async () => {
    const answer = await client.catalogNodes({ nodeMeta }, signal);
    const names = trusted(answer).map(({ Node }) => consulNodeName(Node));
    if (answer.index < last) onIndexReset();
    await onList(new Set(names), signal);
    last = answer.index;
    const startedAt = clock.now();
    onOk();
    indexAfter(await waitForIndex(context, { kind: 'nodes', nodeMeta }, last, signal));
    pauseMs = clock.now() - startedAt < paceMs ? Math.min(pauseMs + paceMs, longestPaceMs) : 0;
    if (pauseMs > 0) await clock.sleep(pauseMs, signal);
  };
  await repeat(step, { clock, random, initialMs: 500, maxMs: 10_000, leastMs: 100, onError }, signal);
}
