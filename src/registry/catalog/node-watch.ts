import { Backoff } from '../../lib/backoff.ts';
import type { RegistrarError } from '../../lib/errors.ts';
import { repeat } from '../../lib/retry.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import { type Wake, waitForIndex } from './wait-for-index.ts';
import { compare, ownWritesPauseMs, type WatchContext } from './watch-context.ts';

/** How often a node is read at most while it keeps changing: three times at once, then every two seconds. */
const burst = 3;
const refillMs = 2_000;

export interface NodeWatchOptions {
  readonly context: WatchContext;
  readonly name: ConsulNodeName;
  /** The watch could not ask or read, and tries again. */
  readonly onError: (error: RegistrarError) => void;
  readonly onOk: () => void;
}

/**
 * Watches the checks of one Consul node by a wait of its own, which also ends when an instance or the node is
 * removed. Other changes of instances are the sweep's to find.
 *
 * - The wait carries no content. When it ends, the node is read and compared.
 * - A wait that ended with the index of our own last write is set again without a reading.
 * - After a reading it is set at the index of that reading: the index of a node's checks is that of all checks,
 *   and after a pause everybody else's would end it.
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
      // After a failure the node is read before the next wait: it may have changed meanwhile.
      index = undefined;
      const wake = last === undefined ? 'notified' : await this.#wait(last, signal);
      if (wake === 'refused') await clock.sleep(refusals.next(1_000), signal);
      else {
        index = await this.#echo(wake, signal);
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

  /** Until the node is to be looked at; rejects when Consul cannot be waited at. */
  #wait(index: number, signal: AbortSignal): Promise<Wake | 'notified'> {
    const source = { kind: 'node-checks', node: this.name } as const;
    return this.#wakeup.unlessNotified(
      (until) => waitForIndex(this.#options.context, source, index, until),
      signal,
    );
  }

  /**
   * Waits as long as our own writes and the rate ask for. The index to wait above when only we have written;
   * undefined when the node is to be read.
   */
  async #echo(wake: Exclude<Wake, 'refused'> | 'notified', signal: AbortSignal): Promise<number | undefined> {
    const { observed, clock } = this.#options.context;
    const rateMs = this.#bucket.take();
    const pauseMs = Math.max(rateMs, observed.isWriting(this.name) ? ownWritesPauseMs : 0);
    if (pauseMs > 0) await clock.sleep(pauseMs, signal);
    // On a node that changes all the time, somebody else's write may hide between two writes of this process.
    const isTrusted = rateMs === 0 && typeof wake === 'number';
    return isTrusted && observed.wroteAt(wake) ? wake : undefined;
  }

  /** Where to go on from; undefined when there is no such node of this cluster. */
  async #read(signal: AbortSignal): Promise<number | undefined> {
    const { context } = this.#options;
    const { observed, clock } = context;
    for (;;) {
      while (observed.isWriting(this.name)) await clock.sleep(ownWritesPauseMs / 4, signal);
      if ((await compare(context, this.name, signal)) !== undefined) break;
      // Overtaken: on a node that is written all the time, readings must not become the load.
      await clock.sleep(Math.max(ownWritesPauseMs / 4, this.#bucket.take()), signal);
    }
    return observed.isOurs(this.name) ? observed.readIndex(this.name) : undefined;
  }
}
