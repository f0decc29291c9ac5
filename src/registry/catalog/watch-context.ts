import type { ConsulClient } from '../../consul/client.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { Slots } from '../../lib/slots.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import type { Drift } from '../../plan/finding.ts';
import type { ObservedState } from '../observed-state.ts';
import type { WaitBudget } from './wait-budget.ts';

/** What the parts of the observed watcher share. */
export interface WatchContext {
  readonly client: ConsulClient;
  readonly observed: ObservedState;
  readonly clock: Clock;
  readonly random: Random;
  /** Bounds the concurrent readings of all parts together. */
  readonly slots: Slots;
  readonly budget: WaitBudget;
  /** How many nodes have a blocking query of their own now. */
  readonly nodesWatched: () => number;
  readonly onDrift: (drift: readonly Drift[]) => void;
  /** A node that memory did not hold has been read. */
  readonly onAppeared: (name: ConsulNodeName) => void;
  /** A blocking query ended, and led to a reading or not. */
  readonly onWake: (ledToReading: boolean) => void;
}

/**
 * Pause before a node that this process is writing to is read, in milliseconds. A burst of writes then costs one
 * reading, and a change by somebody else among them is still found in time.
 */
export const ownWritesPauseMs = 1_000;

/**
 * Compares one node now. Undefined when the reading was dropped because this process was writing to the node: the
 * caller then has to ask again.
 */
export async function compare(
  { observed, slots, onDrift, onAppeared }: WatchContext,
  name: ConsulNodeName,
  signal: AbortSignal,
): Promise<readonly Drift[] | undefined> {
  const drift = await slots.run(async () => {
    signal.throwIfAborted();
    const isNew = observed.node(name) === undefined;
    const found = await observed.compareNode(name, signal);
    if (isNew && found !== undefined && observed.node(name) !== undefined) onAppeared(name);
    return found;
  });
  if (drift !== undefined && drift.length > 0) onDrift(drift);
  return drift;
}
