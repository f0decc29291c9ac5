import type { ServiceSubscription, SubscribeOptions, SubscriptionCallback } from './contract.ts';
import { diffInstances, isEmptyDiff } from './diff.ts';
import type { ServiceInstance } from './instance.ts';
import { callIsolated } from './isolated-call.ts';
import { matching } from './matching.ts';
import { NamingError, type Report, throwIfAborted } from './naming-error.ts';

/**
 * One subscription, independent of its source. It turns complete lists into callbacks with a diff, makes none for the
 * initial state, and none after its end.
 */
export class Subscription implements ServiceSubscription {
  readonly service: string;
  /** Resolves when the initial state is known; rejects when it never will be. */
  readonly started: Promise<void>;
  readonly #start = Promise.withResolvers<void>();
  readonly #end = new AbortController();
  readonly #callback: SubscriptionCallback;
  readonly #options: SubscribeOptions;
  readonly #report: Report;
  readonly #onEnd: (subscription: Subscription) => void;
  #current: readonly ServiceInstance[] | undefined;
  #feed: Promise<void> = Promise.resolve();

  constructor(
    service: string,
    callback: SubscriptionCallback,
    options: SubscribeOptions,
    report: Report,
    onEnd: (subscription: Subscription) => void,
  ) {
    this.service = service;
    this.started = this.#start.promise;
    this.#callback = callback;
    this.#options = options;
    this.#report = report;
    this.#onEnd = onEnd;
    options.signal?.addEventListener('abort', () => this.end('aborted', options.signal?.reason), {
      once: true,
      signal: this.#end.signal,
    });
  }

  /** Aborts when the subscription ends. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  get hasStarted(): boolean {
    return this.#current !== undefined;
  }

  /** Takes all instances of the service. True when the matching ones have changed. */
  offer(all: readonly ServiceInstance[]): boolean {
    if (this.signal.aborted) return false;
    const before = this.#current;
    const after = matching(all, this.#options);
    const diff = diffInstances(before ?? [], after);
    if (before !== undefined && isEmptyDiff(diff)) return false;
    this.#current = after;
    this.#start.resolve();
    if (before !== undefined || this.#options.initial === true) {
      callIsolated(
        () => this.#callback(after, diff),
        `the callback of the subscription to "${this.service}"`,
        this.#report,
      );
    }
    return true;
  }

  /** The source, awaited when the subscription is disposed of. It must end with `signal` and never reject. */
  feedBy(feed: Promise<void>): void {
    this.#feed = feed;
  }

  /** The start has failed and is not tried again. */
  fail(error: NamingError): void {
    this.#start.reject(error);
    this.end('aborted', error);
  }

  end(code: 'aborted' | 'closed', cause?: unknown): void {
    if (this.signal.aborted) return;
    this.#end.abort();
    this.#start.reject(new NamingError(code, `the subscription to "${this.service}" was ended`, { cause }));
    this.#onEnd(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end('aborted');
    await this.#feed;
  }
}

/** The subscriptions of one Naming: at most one per service. */
export class Subscriptions {
  readonly #byService = new Map<string, Subscription>();
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  /** Throws `already-subscribed`, or `aborted`. */
  open(service: string, callback: SubscriptionCallback, options: SubscribeOptions): Subscription {
    throwIfAborted(options.signal, `subscribing to "${service}"`);
    if (this.#byService.has(service)) {
      throw new NamingError(
        'already-subscribed',
        `there is a subscription to "${service}"; unsubscribe first`,
      );
    }
    const subscription = new Subscription(service, callback, options, this.#report, (ended) => {
      if (this.#byService.get(service) === ended) this.#byService.delete(service);
    });
    this.#byService.set(service, subscription);
    return subscription;
  }

  [Symbol.iterator](): Iterator<Subscription> {
    return this.#byService.values();
  }

  async end(service: string): Promise<void> {
    await this.#byService.get(service)?.[Symbol.asyncDispose]();
  }

  async endAll(): Promise<void> {
    const all = [...this.#byService.values()];
    for (const subscription of all) subscription.end('closed');
    await Promise.all(all.map((subscription) => subscription[Symbol.asyncDispose]()));
  }
}
