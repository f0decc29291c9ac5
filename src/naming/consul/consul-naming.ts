import { type Clock, systemClock } from '../../lib/clock.ts';
import { HttpTransport, type TlsOptions } from '../../lib/http-transport.ts';
import { type Random, systemRandom } from '../../lib/random.ts';
import type { Transport } from '../../lib/transport.ts';
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
import { matching, passingOnly, toQuery } from '../matching.ts';
import { NamingError, type Report, throwIfAborted, warn } from '../naming-error.ts';
import { checkRegistration, type Registration } from '../registration.ts';
import { Subscriptions } from '../subscription.ts';
import { agentOrigin } from './agent-origin.ts';
import { CachedReader } from './cached-reader.ts';
import { ConnectionBudget } from './connection-budget.ts';
import { ConsulAgents, type ConsulScope } from './consul-agents.ts';
import { watchService } from './watch.ts';

export interface ConsulNamingOptions extends ConsulScope {
  /**
   * Origins of Consul agents, `http://host:port` or `https://host:port`; without a scheme it is http, as in Consul's
   * own CONSUL_HTTP_ADDR. The first agent takes the registrations; the others answer reads and watches while it does
   * not. Default `['http://127.0.0.1:8500']`.
   */
  readonly addresses?: readonly string[];
  /** ACL token. A function is called before every request, so that the token may change. Default none. */
  readonly token?: string | (() => string | undefined);
  readonly tls?: TlsOptions;
  /** Maximum age of an answer of `find()` from the agent's cache, in milliseconds. Default 60,000. */
  readonly maxAgeMs?: number;
  /**
   * Maximum number of connections for all subscriptions. With more subscriptions than that, they take turns of 2 s.
   * Consul allows 200 connections per client address (`http_max_conns_per_client`). Default 64.
   */
  readonly maxWatches?: number;
  /** Gets the errors of callbacks, and the first error of each kind of a watch. Default: a process warning. */
  readonly report?: Report;
  /** Makes the transport to an address. Default: HTTP over keep-alive connections. */
  readonly transport?: (address: string) => Transport;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Connections for calls, in addition to those of watches. */
const callConnections = 8;

/** Naming over the HTTP API of a Consul agent (https://developer.hashicorp.com/consul/api-docs). */
export class ConsulNaming implements Naming {
  readonly #agents: ConsulAgents;
  readonly #reader: CachedReader;
  readonly #subscriptions: Subscriptions;
  readonly #maxAgeMs: number;
  readonly #closing = new AbortController();
  readonly #watch: (subscription: Parameters<typeof watchService>[0]) => Promise<void>;

  constructor(options: ConsulNamingOptions = {}) {
    const { addresses = ['http://127.0.0.1:8500'], tls, token, maxAgeMs = 60_000, maxWatches = 64 } = options;
    const { clock = systemClock, random = systemRandom } = options;
    const report = isolatedReport(options.report ?? warn);
    if (addresses.length === 0) throw new NamingError('invalid', 'addresses is empty');
    if (!(maxWatches >= 1)) throw new NamingError('invalid', `maxWatches ${maxWatches} is below 1`);
    const connect =
      options.transport ??
      ((origin: string) =>
        new HttpTransport({
          origin,
          connections: maxWatches + callConnections,
          ...(tls === undefined ? {} : { tls }),
        }));
    const agents = new ConsulAgents({
      transports: addresses.map(agentOrigin).map((origin) => connect(origin)),
      token: typeof token === 'function' ? token : () => token,
      scope: options,
      clock,
    });
    const budget = new ConnectionBudget(maxWatches);
    this.#agents = agents;
    this.#reader = new CachedReader(agents, clock);
    this.#maxAgeMs = maxAgeMs;
    this.#subscriptions = new Subscriptions(report);
    this.#watch = (subscription) => watchService(subscription, { agents, budget, clock, random, report });
  }

  async register(registration: Registration, { signal }: CallOptions = {}): Promise<void> {
    const within = this.#signal(signal, `registering "${registration.id}"`);
    checkRegistration(registration);
    await this.#unlessClosed(this.#agents.register(registration, within));
  }

  async deregister(serviceId: string, { signal }: CallOptions = {}): Promise<void> {
    const within = this.#signal(signal, `deregistering "${serviceId}"`);
    await this.#unlessClosed(this.#agents.deregister(serviceId, within));
  }

  async find(service: string | Query, ...tags: readonly string[]): Promise<readonly ServiceInstance[]> {
    const query = toQuery(service, tags);
    const within = this.#signal(query.signal, `finding "${query.service}"`);
    return matching(await this.#unlessClosed(this.#read(query, within)), query);
  }

  async subscribe(
    service: string,
    callback: SubscriptionCallback,
    options: SubscribeOptions = {},
  ): Promise<ServiceSubscription> {
    this.#signal(options.signal, `subscribing to "${service}"`);
    const subscription = this.#subscriptions.open(service, callback, options);
    subscription.feedBy(this.#watch(subscription));
    await subscription.started;
    return subscription;
  }

  async unsubscribe(service: string): Promise<void> {
    await this.#subscriptions.end(service);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#subscriptions.endAll();
    await this.#agents.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Tags are matched here: one cache entry per service then serves every combination, and Consul would ignore case. */
  async #read(query: Query, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    const { service, maxAgeMs = this.#maxAgeMs } = query;
    return (await this.#reader.read({ service, passing: passingOnly(query), maxAgeMs }, signal)).instances;
  }

  /** Fires with the caller's signal or with `close()`. Throws `closed` or `aborted` when one of them has. */
  #signal(signal: AbortSignal | undefined, doing: string): AbortSignal {
    if (this.#closing.signal.aborted) throw new NamingError('closed', `${doing}: this Naming was closed`);
    throwIfAborted(signal, doing);
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
  }

  async #unlessClosed<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (thrown) {
      if (!this.#closing.signal.aborted) throw thrown;
      throw new NamingError('closed', 'this Naming was closed during the call', { cause: thrown });
    }
  }
}
