import type { InstanceDiff } from './diff.ts';
import type { HealthState, ServiceInstance } from './instance.ts';
import type { Registration } from './registration.ts';

export interface CallOptions {
  /** Ends the call; it then rejects with `aborted`. */
  readonly signal?: AbortSignal;
}

/** Which instances of a service are meant. */
export interface InstanceFilter {
  /** An instance must carry all of them, letter for letter. Default none. */
  readonly tags?: readonly string[];
  /** States to accept, or `any`. Default `['passing']`. */
  readonly states?: readonly HealthState[] | 'any';
}

export interface Query extends InstanceFilter, CallOptions {
  /** The service's name. */
  readonly service: string;
  /** How old a cached answer may be, in milliseconds; 0 asks the registry itself. Default 60,000. */
  readonly maxAgeMs?: number;
}

export interface SubscribeOptions extends InstanceFilter, CallOptions {
  /** Also call back with the state the subscription starts from, everything in it as added. Default false. */
  readonly initial?: boolean;
}

/**
 * Gets every instance that matches now, and how that differs from the call before (or from the state the
 * subscription started from). May return a promise; it is not waited for. What it throws is reported and
 * changes nothing else.
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
 * A registry of services: who runs where, and how well. Every method rejects with a NamingError, `closed`
 * once this Naming was closed and `aborted` when the call's signal fired.
 *
 * - What was registered is found, and subscribers are told, soon after `register()` and `deregister()` have
 *   resolved: at once in memory, within milliseconds through a network.
 * - Lists are complete, frozen and in a stable order.
 * - A registration outlives the Naming that made it.
 */
export interface Naming extends AsyncDisposable {
  /**
   * Registers a service, or replaces the registration of the same id whole.
   * Rejects with `invalid`, `denied`, `unavailable`.
   */
  register(registration: Registration, options?: CallOptions): Promise<void>;

  /** Takes a registration back. Rejects with `not-found`, `denied`, `unavailable`. */
  deregister(serviceId: string, options?: CallOptions): Promise<void>;

  /**
   * The instances of a service that carry all `tags`; a service nobody registered has none. A name finds
   * passing instances, answered from a cache that is at most a minute old; a Query says what else is wanted.
   * Rejects with `denied`, `unavailable`.
   */
  find(service: string | Query, ...tags: readonly string[]): Promise<readonly ServiceInstance[]>;

  /**
   * Calls back with every change of a service's matching instances, but not with the state it starts from
   * (unless `initial`). Resolves when that state is known: every later change is reported. From then on
   * the subscription survives every failure of the registry; it keeps the last known state meanwhile. A
   * registry that cannot be reached at the start is waited for as well: pass a signal to bound the wait.
   * Rejects with `already-subscribed` (one subscription a name), `denied` (at the start only).
   */
  subscribe(
    service: string,
    callback: SubscriptionCallback,
    options?: SubscribeOptions,
  ): Promise<ServiceSubscription>;

  /** Ends the subscription at once: no callback after this call. Nothing happens when there is none. */
  unsubscribe(service: string): Promise<void>;

  /** Ends every subscription and call in flight. Registrations stay. */
  close(): Promise<void>;
}
