import type { ConsulClient } from '../../consul/client.ts';
import type { Clock } from '../../lib/clock.ts';
import type { RegistrarError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import { forever } from '../../lib/retry.ts';
import { Slots } from '../../lib/slots.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import type { Drift } from '../../plan/finding.ts';
import type { ObservedState } from '../observed-state.ts';
import { watchNodeList } from './node-list-watch.ts';
import { NodeWatch } from './node-watch.ts';
import { type PartHealth, Sweep } from './sweep.ts';
import type { WaitBudget } from './wait-budget.ts';
import { compare, type WatchContext } from './watch-context.ts';

export interface ObservedWatcherOptions {
  readonly client: ConsulClient;
  readonly observed: ObservedState;
  readonly clock: Clock;
  readonly random: Random;
  /** How many nodes have a blocking query of their own; the others are swept. */
  readonly budget: WaitBudget;
  /** Somebody else changed something on a node of this cluster. */
  readonly onDrift: (drift: readonly Drift[]) => void;
  /** A node with this cluster's stamp that memory did not hold has been read. */
  readonly onAppeared: (name: ConsulNodeName) => void;
  /** A blocking query ended, and led to a reading or not. */
  readonly onWake: (ledToReading: boolean) => void;
  /** A part of the watch began to fail and is tried again; `onResumed` when no part fails any more. */
  readonly onInterrupted: (error: RegistrarError) => void;
  readonly onResumed: () => void;
}

/** Readings of nodes at once. */
const parallelReadings = 4;
/** How often the budget may grow, in milliseconds. */
const growMs = 10_000;

/**
 * Finds soon what others change on the nodes of this cluster, by blocking queries: one for the list of nodes, one for
 * their services, one for the checks of each node as far as there are connections, and one for all other checks.
 *
 * It only decides *when* a node is read. ObservedState decides what a reading means.
 */
export class ObservedWatcher {
  readonly #options: ObservedWatcherOptions;
  readonly #context: WatchContext;
  readonly #nodeMeta: Readonly<Record<string, string>>;
  readonly #watches = new Map<ConsulNodeName, Running>();
  /** Node watches that were aborted and have not ended yet. */
  readonly #ending = new Set<Promise<void>>();
  readonly #sweep: Sweep;
  /** Nodes as Consul listed them last; some may not have been read yet. */
  #listed: ReadonlySet<ConsulNodeName> = new Set();
  readonly #failing = new Set<string>();

  constructor(options: ObservedWatcherOptions) {
    const { client, observed, clock, random, budget, onDrift, onAppeared, onWake } = options;
    this.#options = options;
    this.#nodeMeta = observed.nodeMeta;
    const slots = new Slots(parallelReadings);
    const nodesWatched = () => this.#watches.size;
    const listeners = { onDrift, onAppeared, onWake };
    this.#context = { client, observed, clock, random, slots, budget, nodesWatched, ...listeners };
    this.#sweep = new Sweep({
      context: this.#context,
      nodeMeta: this.#nodeMeta,
      health: (part) => this.#health(part),
    });
  }

  /** How many nodes have a blocking query of their own. */
  get watched(): number {
    return this.#watches.size;
  }

  /** Has every node read. After Consul was restored or wiped, the blocking queries may not end by themselves. */
  reset(): void {
    for (const { watch } of this.#watches.values()) watch.notify();
    this.#sweep.notify(this.#known());
  }

  /** Runs until the signal aborts. Never rejects for a fault of Consul. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const until = AbortSignal.any([signal, failed.signal]);
    this.#assign(until);
    using _budget = this.#context.budget.follow(() => this.#assign(until));
    const listing = watchNodeList(
      {
        context: this.#context,
        nodeMeta: this.#nodeMeta,
        onList: (names) => this.#follow(names, until),
        onIndexReset: () => this.reset(),
        ...this.#health('nodes'),
      },
      until,
    );
    try {
      await Promise.all([listing, this.#sweep.run(until), this.#grow(until)]);
    } finally {
      failed.abort();
      await Promise.all([...this.#ending, ...[...this.#watches.values()].map(({ done }) => done)]);
    }
  }

  #known(): ConsulNodeName[] {
    return [...this.#context.observed.nodes()].map(({ name }) => name);
  }

  async #grow(signal: AbortSignal): Promise<void> {
    const { clock, budget } = this.#context;
    await forever(async () => {
      await clock.sleep(growMs, signal);
      budget.grow();
    }, signal);
  }

  async #follow(listed: ReadonlySet<ConsulNodeName>, signal: AbortSignal): Promise<void> {
    const { observed } = this.#context;
    const known = this.#known();
    const missing = known.filter((name) => !listed.has(name) && !observed.isWriting(name));
    const [canary] = missing;
    // A list with none of this cluster's nodes may be hidden by ACLs: reading one node finds that out.
    if (canary !== undefined && missing.length === known.length) await compare(this.#context, canary, signal);
    for (const name of missing) this.#watches.get(name)?.watch.notify();
    this.#sweep.notify(missing);
    this.#listed = listed;
    this.#assign(signal);
  }

  /** Gives each node a blocking query of its own as far as the budget goes, and the others to the sweep. */
  #assign(signal: AbortSignal): void {
    const { nodes: most } = this.#context.budget.limits;
    for (const { end } of [...this.#watches.values()].slice(most)) end();
    const swept = new Set<ConsulNodeName>();
    for (const name of new Set([...this.#known(), ...this.#listed])) {
      if (this.#watches.has(name)) continue;
      if (this.#watches.size < most) this.#watch(name, signal);
      else swept.add(name);
    }
    this.#sweep.cover(swept);
  }

  #watch(name: ConsulNodeName, signal: AbortSignal): void {
    const watch = new NodeWatch({ context: this.#context, name, ...this.#health(name) });
    const ended = new AbortController();
    const done = watch.run(AbortSignal.any([signal, ended.signal])).finally(() => {
      this.#ending.delete(done);
      if (this.#watches.get(name)?.watch === watch) this.#watches.delete(name);
    });
    const end = () => {
      this.#watches.delete(name);
      this.#ending.add(done);
      ended.abort();
    };
    this.#watches.set(name, { watch, done, end });
  }

  /** Reports when a part begins to fail, and when no part fails any more. */
  #health(part: string): PartHealth {
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

interface Running {
  readonly watch: NodeWatch;
  readonly done: Promise<void>;
  readonly end: () => void;
}
