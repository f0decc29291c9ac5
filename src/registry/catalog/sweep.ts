import type { RegistrarError } from '../../lib/errors.ts';
import { repeat } from '../../lib/retry.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import { isAsKnown } from './is-as-known.ts';
import { indexAfter, waitForIndex } from './wait-for-index.ts';
import { compare, ownWritesPauseMs, type WatchContext } from './watch-context.ts';

/** How often a shared query leads to readings at most: three times at once, then every two seconds. */
const queryBurst = 3;
const queryRefillMs = 2_000;
/** Nodes read at most: this many at once after a rest, then one each `refillMs`. */
const burst = 500;
const refillMs = 20;
/** A query may end this long before the answer to the write that ended it arrives, in milliseconds. */
const answerMs = 100;

type Source = 'services' | 'checks';

export interface SweepOptions {
  readonly context: WatchContext;
  readonly nodeMeta: Readonly<Record<string, string>>;
  /** Listeners of a part: it could not ask or read and tries again, or it succeeded. */
  readonly health: (part: string) => PartHealth;
}

export interface PartHealth {
  readonly onError: (error: RegistrarError) => void;
  readonly onOk: () => void;
}

/**
 * Finds changes by blocking queries that all nodes share and that do not say where something changed. The nodes are then
 * read one after the other at a limited rate.
 *
 * - The query for services covers every node of this cluster, and no other node ends it.
 * - The query for checks covers the nodes without a query of their own. Checks of other clusters end it, too. There is
 *   none while every node has a query of its own.
 * - A query that ended with the index of this process's own last write leads to no reading. While the catalog changes
 *   all the time, the nodes are read all the same: others may have written between two writes of this process.
 */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #bucket: TokenBucket;
  #covered: ReadonlySet<ConsulNodeName> = new Set();
  /** Nodes to be read, and what of them changed; undefined: not known. */
  readonly #due = new Map<ConsulNodeName, Source | undefined>();
  readonly #wakeup: Wakeup;

  constructor(options: SweepOptions) {
    this.#options = options;
    const { clock } = options.context;
    this.#bucket = new TokenBucket({ clock, burst, refillMs });
    this.#wakeup = new Wakeup(clock);
  }

  /** Covers the checks of these nodes from now on. Those that are new are read once. */
  cover(names: ReadonlySet<ConsulNodeName>): void {
    const added = names.difference(this.#covered);
    this.#covered = names;
    this.notify(added);
  }

  /** Has these nodes read. */
  notify(names: Iterable<ConsulNodeName>): void {
    for (const name of names) this.#due.set(name, undefined);
    this.#wakeup.notify();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#follow('services', signal), this.#follow('checks', signal), this.#read(signal)]);
  }

  /** Sends one shared query after the other. */
  async #follow(kind: Source, signal: AbortSignal): Promise<void> {
    const { context, nodeMeta } = this.#options;
    const { client, clock, observed } = context;
    const bucket = new TokenBucket({ clock, burst: queryBurst, refillMs: queryRefillMs });
    /** Index to send the next query with; undefined: not known, and anything may have changed. */
    let next: number | undefined;
    await this.#keepTrying(`all ${kind}`, signal, async () => {
      const index = next;
      next = undefined;
      if (kind === 'checks' && this.#covered.size === 0) {
        await this.#wakeup.wait(undefined, signal);
        return;
      }
      if (index === undefined) {
        next = await client.indexOf({ kind, nodeMeta }, undefined, signal);
        this.#changed(kind);
        return;
      }
      const ended = indexAfter(await waitForIndex(context, { kind, nodeMeta }, index, signal));
      next = ended;
      const pauseMs = bucket.take();
      if (observed.isWritingAny) await clock.sleep(answerMs, signal);
      const isOwn = pauseMs === 0 && ended !== undefined && observed.wroteAt(ended);
      context.onWake(!isOwn);
      if (isOwn) return;
      if (ended !== undefined) this.#changed(kind);
      if (pauseMs > 0) await clock.sleep(pauseMs, signal);
    });
  }

  #changed(kind: Source): void {
    const { observed } = this.#options.context;
    const names = kind === 'checks' ? this.#covered : new Set([...observed.nodes()].map(({ name }) => name));
    for (const name of names) {
      const isDueAlready = this.#due.has(name);
      this.#due.set(name, isDueAlready && this.#due.get(name) !== kind ? undefined : kind);
    }
    this.#wakeup.notify();
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { context } = this.#options;
    const { clock, observed } = context;
    await this.#keepTrying('sweep', signal, async () => {
      const [first] = this.#due;
      if (first === undefined) {
        await this.#wakeup.wait(undefined, signal);
        return;
      }
      const waitMs = this.#bucket.take();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      const [name] = first;
      const what = this.#due.get(name);
      this.#due.delete(name);
      if (!this.#covered.has(name) && observed.node(name) === undefined) return;
      let isDone = false;
      try {
        isDone =
          (what !== undefined && (await isAsKnown(context, name, what, signal))) ||
          (await compare(context, name, signal)) !== undefined;
      } finally {
        if (!isDone) this.#due.set(name, undefined);
      }
      if (!isDone) await clock.sleep(ownWritesPauseMs / 4, signal);
    });
  }

  async #keepTrying(part: string, signal: AbortSignal, step: () => Promise<void>): Promise<void> {
    const { context, health } = this.#options;
    const { clock, random } = context;
    const { onError, onOk } = health(part);
    const attempt = async () => {
      await step();
      onOk();
    };
    await repeat(attempt, { clock, random, initialMs: 500, maxMs: 10_000, leastMs: 100, onError }, signal);
  }
}
