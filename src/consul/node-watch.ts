import { Backoff } from '../lib/backoff.ts';
import { RegistrarError } from '../lib/errors.ts';
import { TokenBucket } from '../lib/token-bucket.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import type { ObservedNode } from '../plan/observed.ts';
import type { ReadIndex } from './read-node.ts';
import { compare, longestWaitMs, ownWritesPauseMs, type WatchContext } from './watch-context.ts';

type Source = keyof ReadIndex;
const kinds = { services: 'node-services', checks: 'node-checks' } as const;

/** How often a node is read at most while it keeps ringing: three times at once, then every two seconds. */
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
 * Watches one Consul node: two blocking queries, one for its services and one for its checks, used as
 * doorbells only. What they answer is not looked at; when one rings the node is read and compared.
 *
 * - A node nobody of us writes to is read at once; our own writes ring too, and are waited out first.
 * - The bell is set again at the index of the reading, not of its own answer: the index of a node's checks
 *   is that of all checks, and after a pause everybody else's would ring.
 * - A bell that rings early without a newer index was broken off, as when a snapshot is restored: the node
 *   is read, and watched from where Consul is now, be it further back.
 */
export class NodeWatch {
  readonly name: ConsulNodeName;
  readonly #options: NodeWatchOptions;
  readonly #bucket: TokenBucket;
  readonly #ended = new AbortController();
  readonly #bells = new Map<Source, Bell>();
  /** The index each bell last rang with; forgotten when a reading has reached it. */
  readonly #heard = new Map<Source, number>();
  #wake: () => void = () => {};
  #isAsked = false;
  #error: RegistrarError | undefined;
  /** Memory of the node when the bells were set. */
  #seen: ObservedNode | undefined;

  constructor(options: NodeWatchOptions) {
    const { clock } = options.context;
    this.name = options.name;
    this.#options = options;
    this.#bucket = new TokenBucket({ clock, burst, refillMs });
  }

  /** Has the node read, whether or not Consul rings. */
  ring(): void {
    this.#isAsked = true;
    this.#wake();
  }

  /** Runs until the signal aborts or there is no such node of ours any more. */
  async run(signal: AbortSignal): Promise<void> {
    const { context, onError, onOk } = this.#options;
    const { clock, observed, random } = context;
    const backoff = new Backoff({ initialMs: 500, maxMs: 10_000, random });
    const until = AbortSignal.any([signal, this.#ended.signal]);
    let index = observed.readIndex(this.name);
    this.#seen = index === undefined ? undefined : observed.node(this.name);
    try {
      for (;;) {
        try {
          if (index !== undefined) await this.#rung(index, until);
          await this.#pause(until);
          index = await this.#read(until);
          backoff.reset();
          onOk();
          if (index === undefined) return;
        } catch (thrown) {
          signal.throwIfAborted();
          const error = RegistrarError.from(thrown);
          onError(error);
          await clock.sleep(backoff.next(Math.max(100, error.retryAfterMs ?? 0)), until);
          // What happened meanwhile is found by reading before the bells are set again.
          index = undefined;
        }
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    } finally {
      this.#ended.abort();
      onOk();
    }
  }

  /** Until a bell rings; rejects when one could not be set. */
  async #rung(index: ReadIndex, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    for (const source of ['services', 'checks'] as const) this.#setBell(source, index[source], signal);
    if (!this.#isAsked && this.#heard.size === 0 && this.#error === undefined) await promise;
    signal.throwIfAborted();
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
  }

  /** A bell that is set stays; unless Consul went back and would ring only after catching up with it. */
  #setBell(source: Source, index: number, signal: AbortSignal): void {
    const known = this.#bells.get(source);
    if (known !== undefined && known.index <= index) return;
    known?.abort.abort();
    const bell = { index, abort: new AbortController() };
    this.#bells.set(source, bell);
    void this.#listen(source, bell, AbortSignal.any([signal, bell.abort.signal]));
  }

  async #listen(source: Source, bell: Bell, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options.context;
    const { index } = bell;
    const asked = { kind: kinds[source], node: this.name };
    let heard = Number.POSITIVE_INFINITY;
    let error: RegistrarError | undefined;
    try {
      for (;;) {
        const startedAt = clock.now();
        const answered = await client.indexOf(asked, { index, waitMs: longestWaitMs }, signal);
        if (answered > index) heard = answered;
        // The whole wait without a newer index: nothing happened.
        if (answered > index || clock.now() - startedAt < longestWaitMs) break;
      }
    } catch (thrown) {
      error = RegistrarError.from(thrown);
    }
    if (this.#bells.get(source) !== bell) return;
    this.#bells.delete(source);
    if (error === undefined) this.#heard.set(source, heard);
    else this.#error ??= error;
    this.#wake();
  }

  /** Not at all on a node at rest; else until our own writes are over, and as long as the rate asks for. */
  async #pause(signal: AbortSignal): Promise<void> {
    const { observed, clock } = this.#options.context;
    const isQuiet = !observed.isWriting(this.name) && observed.node(this.name) === this.#seen;
    const pauseMs = Math.max(this.#bucket.take(), isQuiet ? 0 : ownWritesPauseMs);
    if (pauseMs > 0) await clock.sleep(pauseMs, signal);
  }

  /** Where to go on from; undefined when there is no such node of ours. */
  async #read(signal: AbortSignal): Promise<ReadIndex | undefined> {
    const { context } = this.#options;
    const { observed, clock } = context;
    this.#isAsked = false;
    const broken = [...this.#heard].filter(([, heard]) => heard === Number.POSITIVE_INFINITY);
    for (const [source] of broken) this.#heard.delete(source);
    for (;;) {
      while (observed.isWriting(this.name)) await clock.sleep(ownWritesPauseMs / 4, signal);
      if ((await compare(context, this.name, signal)) !== undefined) break;
      // Overtaken: on a node that is written all the time, readings must not become the load.
      await clock.sleep(Math.max(ownWritesPauseMs / 4, this.#bucket.take()), signal);
    }
    this.#seen = observed.node(this.name);
    const index = observed.readIndex(this.name);
    if (index === undefined || !observed.isOurs(this.name)) return undefined;
    for (const [source, heard] of this.#heard) if (heard <= index[source]) this.#heard.delete(source);
    return index;
  }
}

/** A blocking query that waits for an index above this one. */
interface Bell {
  readonly index: number;
  readonly abort: AbortController;
}
