import type { Clock } from '../lib/clock.ts';
import type { RegistrarError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import { Slots } from '../lib/slots.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import type { Drift } from '../plan/finding.ts';
import type { ConsulClient } from './client.ts';
import { watchNodeList } from './node-list-watch.ts';
import { NodeWatch } from './node-watch.ts';
import type { ObservedState } from './observed-state.ts';
import { Sweep } from './sweep.ts';
import { compare, type WatchContext } from './watch-context.ts';

export interface ObservedWatcherOptions {
  /** Over connections of its own, two for each node watched and three more: what waits must not hold up a write. */
  readonly client: ConsulClient;
  readonly observed: ObservedState;
  readonly clock: Clock;
  readonly random: Random;
  /** Nodes with a watch of their own; the others are swept. Default `defaultNodeWatches`. */
  readonly nodeWatches?: number;
  /** Somebody else changed something on a node of ours. */
  readonly onDrift: (drift: readonly Drift[]) => void;
  /** A node with our stamp that memory did not hold has been read. */
  readonly onAppeared: (name: ConsulNodeName) => void;
  /** Part of the watch fails and is tried again; `onResumed` when none of it fails any more. */
  readonly onInterrupted: (error: RegistrarError) => void;
  readonly onResumed: () => void;
}

/** Two connections each, below the 200 that a Consul agent grants one client (`http_max_conns_per_client`). */
export const defaultNodeWatches = 75;
/** Connections that a watcher of `defaultNodeWatches` nodes needs. */
export const watchConnections = 2 * defaultNodeWatches + 4;
/** Readings of nodes at once. */
const parallelReadings = 4;

/**
 * Sees what others change on nodes of ours soon after they did: the list of our nodes is always waited on,
 * each node by itself up to a limit, the nodes above it by doorbells and sweeps.
 *
 * It only decides *when* a node is read. What a reading means is ObservedState's: it drops what our own
 * writes overtook, and believes in the absence of a node only when Consul confirms it.
 */
export class ObservedWatcher {
  readonly #options: ObservedWatcherOptions;
  readonly #context: WatchContext;
  readonly #nodeMeta: Readonly<Record<string, string>>;
  readonly #watches = new Map<ConsulNodeName, { readonly watch: NodeWatch; readonly done: Promise<void> }>();
  readonly #sweep: Sweep;
  #sweeping: Promise<void> | undefined;
  readonly #failing = new Set<string>();

  constructor(options: ObservedWatcherOptions) {
    const { client, observed, clock, random, onDrift, onAppeared } = options;
    this.#options = options;
    this.#nodeMeta = observed.nodeMeta;
    const slots = new Slots(parallelReadings);
    this.#context = { client, observed, clock, random, slots, onDrift, onAppeared };
    this.#sweep = new Sweep({ context: this.#context, nodeMeta: this.#nodeMeta, ...this.#health('sweep') });
  }

  /** Nodes with a watch of their own. */
  get watched(): number {
    return this.#watches.size;
  }

  /** Has every node read: Consul is not what it was, and may have nothing to wake us with. */
  reset(): void {
    for (const { watch } of this.#watches.values()) watch.ring();
    this.#sweep.ring();
  }

  /** Runs until the signal aborts. Never rejects for a fault of Consul. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const until = AbortSignal.any([signal, failed.signal]);
    try {
      this.#assign([], until);
      await watchNodeList(
        {
          context: this.#context,
          nodeMeta: this.#nodeMeta,
          onList: (names) => this.#listed(names, until),
          onIndexReset: () => this.reset(),
          ...this.#health('nodes'),
        },
        until,
      );
    } finally {
      failed.abort();
      await Promise.all([this.#sweeping, ...[...this.#watches.values()].map(({ done }) => done)]);
    }
  }

  async #listed(listed: ReadonlySet<ConsulNodeName>, signal: AbortSignal): Promise<void> {
    const { observed } = this.#context;
    const known = [...observed.nodes()].map(({ name }) => name);
    const missing = known.filter((name) => !listed.has(name) && !observed.isWriting(name));
    const [canary] = missing;
    // A list with none of our nodes may be one that is not shown to us: reading a node finds that out.
    if (canary !== undefined && missing.length === known.length) await compare(this.#context, canary, signal);
    for (const name of missing) this.#watches.get(name)?.watch.ring();
    this.#sweep.ring(missing);
    this.#assign(listed, signal);
  }

  /** Gives every node of ours its watch, as far as there are any, and the others to the sweep. */
  #assign(listed: Iterable<ConsulNodeName>, signal: AbortSignal): void {
    const { observed } = this.#context;
    const { nodeWatches = defaultNodeWatches } = this.#options;
    const names = new Set([...observed.nodes()].map(({ name }) => name));
    for (const name of listed) names.add(name);
    const swept = new Set<ConsulNodeName>();
    for (const name of names) {
      if (this.#watches.has(name)) continue;
      if (this.#watches.size < nodeWatches) this.#watch(name, signal);
      else swept.add(name);
    }
    this.#sweep.cover(swept);
    if (swept.size > 0) this.#sweeping ??= this.#sweep.run(signal);
  }

  #watch(name: ConsulNodeName, signal: AbortSignal): void {
    const watch = new NodeWatch({ context: this.#context, name, ...this.#health(name) });
    const done = watch.run(signal).finally(() => this.#watches.delete(name));
    this.#watches.set(name, { watch, done });
  }

  /** Tells when a part begins to fail, and when none fails any more. */
  #health(part: string): { onError: (error: RegistrarError) => void; onOk: () => void } {
    const { onInterrupted, onResumed } = this.#options;
    return {
      onError: (error) => {
        if (this.#failing.size === 0) onInterrupted(error);
        this.#failing.add(part);
      },
      onOk: () => {
        if (this.#failing.delete(part) && this.#failing.size === 0) onResumed();
      },
    };
  }
}
