import type {
  CallOptions,
  Naming,
  Query,
  ServiceSubscription,
  SubscribeOptions,
  SubscriptionCallback,
} from '../contract.ts';
import type { ServiceInstance } from '../instance.ts';
import { isolatedReport } from '../isolated-call.ts';
import { matching, toQuery } from '../matching.ts';
import { NamingError, type Report, throwIfAborted, warn } from '../naming-error.ts';
import { checkRegistration, type Registration } from '../registration.ts';
import { Subscriptions } from '../subscription.ts';
import { MemoryRegistry } from './memory-registry.ts';

export interface MemoryNamingOptions {
  /** Shared by all MemoryNamings that should see the same services. Default: a new one. */
  readonly registry?: MemoryRegistry;
  /** Gets the errors of callbacks. Default: a process warning. */
  readonly report?: Report;
}

/** Naming within one process: for tests of consumers, and for programs that run without a registry. */
export class MemoryNaming implements Naming {
  readonly #registry: MemoryRegistry;
  readonly #subscriptions: Subscriptions;
  readonly #listening: Disposable;
  readonly #changed = new Set<string>();
  #closed = false;

  constructor({ registry = new MemoryRegistry(), report = warn }: MemoryNamingOptions = {}) {
    this.#registry = registry;
    this.#subscriptions = new Subscriptions(isolatedReport(report));
    this.#listening = registry.onChange((service) => this.#notify(service));
  }

  async register(registration: Registration, { signal }: CallOptions = {}): Promise<void> {
    this.#check(signal, `registering "${registration.id}"`);
    checkRegistration(registration);
    this.#registry.put(registration);
  }

  async deregister(serviceId: string, { signal }: CallOptions = {}): Promise<void> {
    this.#check(signal, `deregistering "${serviceId}"`);
    if (!this.#registry.delete(serviceId)) {
      throw new NamingError('not-found', `nothing is registered with the id "${serviceId}"`);
    }
  }

  async find(service: string | Query, ...tags: readonly string[]): Promise<readonly ServiceInstance[]> {
    const query = toQuery(service, tags);
    this.#check(query.signal, `finding "${query.service}"`);
    return matching(this.#registry.instances(query.service), query);
  }

  async subscribe(
    service: string,
    callback: SubscriptionCallback,
    options: SubscribeOptions = {},
  ): Promise<ServiceSubscription> {
    this.#check(options.signal, `subscribing to "${service}"`);
    const subscription = this.#subscriptions.open(service, callback, options);
    subscription.offer(this.#registry.instances(service));
    await subscription.started;
    return subscription;
  }

  async unsubscribe(service: string): Promise<void> {
    await this.#subscriptions.end(service);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listening[Symbol.dispose]();
    await this.#subscriptions.endAll();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** In a microtask, so that changes made together give one callback, and a callback may make changes. */
  #notify(service: string): void {
    if (this.#changed.size === 0) queueMicrotask(() => this.#flush());
    this.#changed.add(service);
  }

  #flush(): void {
    const changed = new Set(this.#changed);
    this.#changed.clear();
    for (const subscription of [...this.#subscriptions]) {
      if (changed.has(subscription.service)) {
        subscription.offer(this.#registry.instances(subscription.service));
      }
    }
  }

  #check(signal: AbortSignal | undefined, doing: string): void {
    if (this.#closed) throw new NamingError('closed', `${doing}: this Naming was closed`);
    throwIfAborted(signal, doing);
  }
}
