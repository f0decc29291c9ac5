import { Backoff } from '../lib/backoff.ts';
import { RegistrarError } from '../lib/errors.ts';
import { jittered } from '../lib/random.ts';
import { TokenBucket } from '../lib/token-bucket.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import { compare, longestWaitMs, ownWritesPauseMs, type WatchContext } from './watch-context.ts';

/** Pause after a ring, in milliseconds ±50 %: on a busy Consul the doorbells ring whenever they are set. */
const paceMs = 2_000;
/** Nodes read at most: this many at once after a rest, then one each `refillMs`. */
const burst = 500;
const refillMs = 40;

export interface SweepOptions {
  readonly context: WatchContext;
  readonly nodeMeta: Readonly<Record<string, string>>;
  readonly onError: (error: RegistrarError) => void;
  readonly onOk: () => void;
}

/**
 * Watches the nodes that have no watch of their own: two doorbells for all of Consul, which do not say
 * where something changed, and readings of all these nodes one after the other at a limited rate.
 */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #bucket: TokenBucket;
  #covered: ReadonlySet<ConsulNodeName> = new Set();
  readonly #due = new Set<ConsulNodeName>();
  #wake: () => void = () => {};

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket({ clock: options.context.clock, burst, refillMs });
  }

  /** From now on these nodes; those that are new are read once. */
  cover(names: ReadonlySet<ConsulNodeName>): void {
    for (const name of names.difference(this.#covered)) this.#due.add(name);
    this.#covered = names;
    this.#wake();
  }

  /** Has one node, or all, read. */
  ring(names: Iterable<ConsulNodeName> = this.#covered): void {
    for (const name of names) if (this.#covered.has(name)) this.#due.add(name);
    this.#wake();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#answer('services', signal), this.#answer('checks', signal), this.#read(signal)]);
  }

  /** Sets a doorbell, again and again. */
  async #answer(kind: 'services' | 'checks', signal: AbortSignal): Promise<void> {
    const { context, nodeMeta } = this.#options;
    const { client, clock, random } = context;
    let index: number | undefined;
    await this.#keepTrying(signal, async () => {
      if (index === undefined) {
        index = await client.indexOf({ kind, nodeMeta }, {}, signal);
        this.ring();
      }
      const startedAt = clock.now();
      const answered = await client.indexOf({ kind, nodeMeta }, { index, waitMs: longestWaitMs }, signal);
      if (answered > index) {
        index = answered;
        this.ring();
      } else if (answered < index || clock.now() - startedAt < longestWaitMs) {
        index = undefined;
      }
      await clock.sleep(jittered(paceMs, 0.5, random), signal);
    });
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { context } = this.#options;
    const { clock } = context;
    await this.#keepTrying(signal, async () => {
      const [name] = this.#due;
      if (name === undefined) {
        await this.#rung(signal);
        return;
      }
      const waitMs = this.#bucket.take();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      this.#due.delete(name);
      if (!this.#covered.has(name)) return;
      let compared: unknown;
      try {
        compared = await compare(context, name, signal);
      } finally {
        if (compared === undefined) this.#due.add(name);
      }
      if (compared === undefined) await clock.sleep(ownWritesPauseMs / 4, signal);
    });
  }

  #rung(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#wake = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
    });
  }

  async #keepTrying(signal: AbortSignal, step: () => Promise<void>): Promise<void> {
    const { context, onError, onOk } = this.#options;
    const backoff = new Backoff({ initialMs: 500, maxMs: 10_000, random: context.random });
    while (!signal.aborted) {
      try {
        await step();
        backoff.reset();
        onOk();
      } catch (thrown) {
        if (signal.aborted) return;
        const error = RegistrarError.from(thrown);
        onError(error);
        const waitMs = backoff.next(Math.max(100, error.retryAfterMs ?? 0));
        await context.clock.sleep(waitMs, signal).catch(() => {});
      }
    }
  }
}
