import type { InstanceDiff } from './diff.ts';
import type { HealthState, ServiceInstance } from './instance.ts';
import type { Registration } from './registration.ts';

export interface CallOptions {
  /** Ends the call; it then rejects with `aborted`. */
  readonly signal?: AbortSignal;
}

/** Selects instances of a service. */
export interface InstanceFilter {
  /** An instance must have all of them; case counts. Default none. */
  readonly tags?: readonly string[];
  /** States to accept, or `any`. Default `['passing']`. */
  readonly states?: readonly HealthState[] | 'any';
}

export interface Query extends InstanceFilter, CallOptions {
  /** The service's name. */
  readonly service: string;
  /** Maximum age of a cached answer, in milliseconds; 0 asks the registry itself. Default 60,000. */
  readonly maxAgeMs?: number;
}

export interface SubscribeOptions extends InstanceFilter, CallOptions {
  /** Also call back with the initial state, with every instance as added. Default false. */
  readonly initial?: boolean;
}

/**
 * Gets every instance that matches now, and the difference from the previous call (or from the initial state). It
 * may return a promise, which is not awaited. An error that it throws is reported and has no other effect.
 */
export type SubscriptionCallback = (
  instances: readonly ServiceInstance[],
  diff: InstanceDiff,
) => void | Promise<void>;

/** A running subscription; disposing of it unsubscribes. */
export interface ServiceSubscription extends AsyncDisposable {
  readonly service: string;
}

/**
 * A registry of services. Every method rejects with a NamingError: `closed` after this Naming was closed, `aborted`
 * when the call's signal fired.
 *
 * - Soon after `register()` or `deregister()` has resolved, `find()` shows the change and subscribers are called: at
 *   once in memory, within milliseconds over a network.
 * - Lists are complete, frozen and in a stable order.
 * - A registration outlives the Naming that made it.
 */
export interface Naming extends AsyncDisposable {
  /**
   * Registers a service. An earlier registration with the same id is replaced as a whole.
   * Rejects with `invalid`, `denied`, `unavailable`.
   */
  register(registration: Registration, options?: CallOptions): Promise<void>;

  /** Removes a registration. Rejects with `not-found`, `denied`, `unavailable`. */
  deregister(serviceId: string, options?: CallOptions): Promise<void>;

  /**
   * Finds the instances of a service that have all `tags`; an unknown service has none. A name alone finds passing
   * instances, from a cache that is at most a minute old. A Query can ask for more.
   * Rejects with `denied`, `unavailable`.
   */
  find(service: string | Query, ...tags: readonly string[]): Promise<readonly ServiceInstance[]>;

  /**
   * Calls back with every change of a service's matching instances, but not with the initial state (unless
   * `initial`). Resolves when that state is known; every later change is reported. From then on the subscription
   * survives every failure of the registry and keeps the last known state meanwhile. If the registry cannot be
   * reached at the start, the call waits; pass a signal to limit the wait.
   * Rejects with `already-subscribed` (one subscription per name), `denied` (only at the start).
   */
  subscribe(
    service: string,
    callback: SubscriptionCallback,
    options?: SubscribeOptions,
  ): Promise<ServiceSubscription>;

  /** Ends the subscription at once: no callback follows. Without a subscription, nothing happens. */
  unsubscribe(service: string): Promise<void>;

  /** Ends all subscriptions and all calls in flight. Registrations stay. */
  close(): Promise<void>;
}
