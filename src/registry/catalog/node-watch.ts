import { Backoff } from '../../lib/backoff.ts';
import type { RegistrarError } from '../../lib/errors.ts';
import { repeat } from '../../lib/retry.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import { type QueryEnd, waitForIndex } from './wait-for-index.ts';
import { compare, ownWritesPauseMs, type WatchContext } from './watch-context.ts';

/** How often a node is read at most while it keeps changing: three times at once, then every two seconds. */
const burst = 3;
const refillMs = 2_000;

export interface NodeWatchOptions {
  readonly context: WatchContext;
  readonly name: ConsulNodeName;
  /** Consul could not be asked or read; the watch tries again. */
  readonly onError: (error: RegistrarError) => void;
  readonly onOk: () => void;
}

/**
 * Watches the checks of one Consul node by a blocking query of its own, which also ends when an instance or the node is
 * removed. The sweep finds other changes of instances.
 *
 * - The query returns no content. When it ends, the node is read and compared.
 * - A query that ended with the index of this process's own last write is repeated without a reading.
 * - After a reading, the next query starts from the index of that reading. Consul keeps one index for all checks: after
 *   a pause, other nodes' checks would end a query from an older index.
 */
export class NodeWatch {
  readonly name: ConsulNodeName;
  readonly #options: NodeWatchOptions;
  readonly #bucket: TokenBucket;
  readonly #wakeup: Wakeup;

  constructor(options: NodeWatchOptions) {
    const { clock } = options.context;
    this.name = options.name;
    this.#options = options;
    this.#bucket = new TokenBucket({ clock, burst, refillMs });
    this.#wakeup = new Wakeup(clock);
  }

  /** Has the node read, whether or not Consul says that anything changed. */
  notify(): void {
    this.#wakeup.notify();
  }

  /** Runs until the signal aborts or this cluster has no such node any more. */
  async run(signal: AbortSignal): Promise<void> {
    const { context, onError, onOk } = this.#options;
    const { clock, observed, random } = context;
    const bounds = { initialMs: 500, maxMs: 10_000, random };
    const refusals = new Backoff(bounds);
    let index = observed.readIndex(this.name);
    const step = async () => {
      const last = index;
      // After a failure the node is read before the next query: it may have changed meanwhile.
      index = undefined;
      const ended = last === undefined ? 'notified' : await this.#wait(last, signal);
      if (ended === 'refused') await clock.sleep(refusals.next(1_000), signal);
      else {
        index = await this.#afterQuery(ended, signal);
        if (ended !== 'notified') context.onWake(index === undefined);
        refusals.reset();
      }
      index ??= await this.#read(signal);
      onOk();
      return index === undefined ? 'done' : undefined;
    };
    try {
      await repeat(step, { ...bounds, clock, leastMs: 100, onError }, signal);
    } finally {
      onOk();
    }
  }

  /** Resolves when the node may have changed; rejects when the query fails. */
  #wait(index: number, signal: AbortSignal): Promise<QueryEnd | 'notified'> {
    const source = { kind: 'node-checks', node: this.name } as const;
    return this.#wakeup.unlessNotified(
      (until) => waitForIndex(this.#options.context, source, index, until),
      signal,
    );
  }

  /**
   * Pauses as long as the rate and writes under way ask for. Resolves with the index to go on from when this process's
   * own write ended the query; undefined when the node is to be read.
   */
  async #afterQuery(
    ended: Exclude<QueryEnd, 'refused'> | 'notified',
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { observed, clock } = this.#options.context;
    const rateMs = this.#bucket.take();
    const pauseMs = Math.max(rateMs, observed.isWriting(this.name) ? ownWritesPauseMs : 0);
    if (pauseMs > 0) await clock.sleep(pauseMs, signal);
    // On a node that changes all the time, somebody else's write may hide between two writes of this process.
    const isTrusted = rateMs === 0 && typeof ended === 'number';
    return isTrusted && observed.wroteAt(ended) ? ended : undefined;
  }

  /** Resolves with the index to go on from; undefined when this cluster has no such node any more. */
  async #read(signal: AbortSignal): Promise<number | undefined> {
    const { context } = this.#options;
    const { observed, clock } = context;
    for (;;) {
      while (observed.isWriting(this.name)) await clock.sleep(ownWritesPauseMs / 4, signal);
      if ((await compare(context, this.name, signal)) !== undefined) break;
      // The reading was dropped. On a node that is written all the time, readings must not become the load.
      await clock.sleep(Math.max(ownWritesPauseMs / 4, this.#bucket.take()), signal);
    }
    return observed.isOwned(this.name) ? observed.readIndex(this.name) : undefined;
  }
}
