import type { ConsulClient } from '../../consul/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { jittered, type Random } from '../../lib/random.ts';
import type { Drift } from '../../plan/finding.ts';
import type { ObservedState } from '../observed-state.ts';

export interface ComparisonOptions {
  readonly client: ConsulClient;
  readonly observed: ObservedState;
  readonly clock: Clock;
  readonly random: Random;
  /** In milliseconds, ±10 %. Default 60,000. */
  readonly intervalMs?: number;
  /** After a comparison: how what is there differs from what was known. */
  readonly onCompared: (drift: readonly Drift[]) => void;
  /** Consul's indexes went back: it was restored from a snapshot, or wiped. */
  readonly onIndexReset?: () => void;
  /** A comparison was not possible; the next one is tried after the interval. */
  readonly onError: (error: RegistrarError) => void;
}

/**
 * While Consul's indexes stand still nothing can have changed, and two small requests replace the reading
 * of everything; but not for longer than this, in milliseconds. A reading that showed no node is always made
 * again: a token that sees nothing moves no index when it is granted its rights, and a list of no nodes is small.
 */
const completeReadingMs = 15 * 60_000;

/** Indexes of all services with their nodes, and of all checks: every write to the catalog moves one. */
interface CatalogIndexes {
  readonly services: number;
  readonly checks: number;
}

/**
 * Compares memory with a full reading, again and again until the signal aborts; then it returns. This is
 * what finds, sooner or later, everything that any quicker way has missed.
 */
export async function comparePeriodically(options: ComparisonOptions, signal: AbortSignal): Promise<void> {
  const { observed, clock, random, intervalMs = 60_000, onCompared, onIndexReset, onError } = options;
  /** Of the last full reading, from before it began. */
  let last: { readonly at: number; readonly indexes: CatalogIndexes } | undefined;
  while (!signal.aborted) {
    try {
      await clock.sleep(jittered(intervalMs, 0.1, random), signal);
      const indexes = await readIndexes(options, signal);
      const at = clock.now();
      const isEmpty = observed.nodes()[Symbol.iterator]().next().done === true;
      if (last !== undefined && isBehind(indexes, last.indexes)) onIndexReset?.();
      if (
        last !== undefined &&
        !isEmpty &&
        at - last.at < completeReadingMs &&
        isSame(indexes, last.indexes)
      ) {
        onCompared([]);
        continue;
      }
      const drift = await observed.readAll(signal);
      last = { at, indexes };
      onCompared(drift);
    } catch (thrown) {
      if (signal.aborted) return;
      last = undefined;
      onError(RegistrarError.from(thrown));
    }
  }
}

async function readIndexes(
  { client, observed }: ComparisonOptions,
  signal: AbortSignal,
): Promise<CatalogIndexes> {
  const { nodeMeta } = observed;
  return {
    services: await client.indexOf({ kind: 'services', nodeMeta }, undefined, signal),
    checks: await client.indexOf({ kind: 'checks', nodeMeta }, undefined, signal),
  };
}

const isSame = (a: CatalogIndexes, b: CatalogIndexes): boolean =>
  a.services === b.services && a.checks === b.checks;

const isBehind = (now: CatalogIndexes, before: CatalogIndexes): boolean =>
  now.services < before.services || now.checks < before.checks;
