import { type ApiAnswer, type CallOptions, ConsulApi, type Invoke } from '../../consul/consul-api.ts';
import type { Clock } from '../../lib/clock.ts';
import { Secret } from '../../lib/secret.ts';
import type { Transport } from '../../lib/transport.ts';
import type { ServiceInstance } from '../instance.ts';
import { NamingError } from '../naming-error.ts';
import type { Registration } from '../registration.ts';
import { agentRegistration } from './agent-registration.ts';
import { healthInstances } from './health-entry.ts';

export interface ConsulScope {
  /** Enterprise namespace. */
  readonly namespace?: string | undefined;
  /** Enterprise admin partition. */
  readonly partition?: string | undefined;
  /** Datacenter to find services in; the agent's own when absent. */
  readonly datacenter?: string | undefined;
}

export interface ConsulAgentsOptions {
  /** One an address. The first is the home agent, which takes registrations; the others are for reading. */
  readonly transports: readonly Transport[];
  readonly token: () => string | undefined;
  readonly scope: ConsulScope;
  readonly clock: Clock;
}

export interface HealthAnswer {
  readonly instances: readonly ServiceInstance[];
  /** `X-Consul-Index`; 0 when the answer has none. */
  readonly index: number;
  /** From the agent's copy of the servers' event stream, not from a query they have answered. */
  readonly isStreamed: boolean;
  /** Age of an answer from the agent's cache as the agent sees it, in whole seconds; otherwise 0. */
  readonly ageMs: number;
}

/** Most bytes of an answer; that of a service with 10,000 instances has about ten million. */
const maxBytes = 64 * 1024 * 1024;
const callTimeoutMs = 10_000;
const cacheTimeoutMs = 1_000;

/** The few requests of the Consul agent API that Naming needs. Rejects with NamingErrors; retries nothing. */
export class ConsulAgents {
  readonly #home: ConsulApi;
  readonly #readers: readonly ConsulApi[];
  #reader = 0;

  constructor({ transports, token, scope, clock }: ConsulAgentsOptions) {
    const { namespace, partition, datacenter } = scope;
    const secret = () => {
      const value = token();
      return value ? new Secret(value) : undefined;
    };
    const options = { clock, token: secret, namespace, partition, timeoutMs: callTimeoutMs };
    this.#home = new ConsulApi({ ...options, transport: transports[0]! });
    this.#readers = transports.map((transport) => new ConsulApi({ ...options, transport, datacenter }));
  }

  /** By a generic request: the package drops the weights, and does not know `replace-existing-checks`. */
  async register(registration: Registration, signal: AbortSignal): Promise<void> {
    const put: Invoke = (consul, context) =>
      consul._put({
        ...context,
        path: '/agent/service/register',
        query: { 'replace-existing-checks': 'true' },
        body: agentRegistration(registration),
      });
    await call(this.#home, put, `registering "${registration.id}"`, signal);
  }

  /** Looks first: older agents answer 200 when there is no such service (seen with Consul 1.8.7). */
  async deregister(id: string, signal: AbortSignal): Promise<void> {
    const look: Invoke = (consul, context) =>
      consul._get({ ...context, path: '/agent/service/{id}', params: { id } });
    const remove: Invoke = ({ agent }, context) => agent.service.deregister({ ...context, id });
    for (const invoke of [look, remove]) await call(this.#home, invoke, `deregistering "${id}"`, signal);
  }

  /** Asks the servers, through every address in turn until one answers. */
  async read(service: string, passing: boolean, signal: AbortSignal): Promise<HealthAnswer> {
    const invoke: Invoke = ({ health }, context) => health.service({ ...context, service, passing });
    for (let left = this.#readers.length; ; left -= 1) {
      try {
        return await this.#health(service, invoke, signal);
      } catch (thrown) {
        const error = NamingError.from(thrown, `finding "${service}"`);
        if (error.code !== 'unavailable' || left <= 1) throw error;
      }
    }
  }

  /**
   * Asks the agent's cache, by a generic request: the package drops `cached`. Waits a second and not longer: with
   * the streaming backend an agent spends some 12 s on retries before it says that a token is unknown, which a plain
   * read says at once.
   */
  readCached(
    service: string,
    passing: boolean,
    maxAgeMs: number,
    signal: AbortSignal,
  ): Promise<HealthAnswer> {
    const invoke: Invoke = (consul, context) =>
      consul._get({
        ...context,
        path: '/health/service/{service}',
        params: { service },
        query: { cached: '', ...(passing ? { passing: 'true' } : {}) },
        headers: { 'cache-control': `max-age=${Math.floor(maxAgeMs / 1000)}` },
      });
    return this.#health(service, invoke, signal, { timeoutMs: cacheTimeoutMs });
  }

  /**
   * A blocking query: answers once the service's index is above `index`, or after `waitMs`; at once when
   * `index` is 0. One address a call: after a failure the next call takes the next.
   */
  watch(service: string, index: number, waitMs: number, signal: AbortSignal): Promise<HealthAnswer> {
    const blocking = index === 0 ? {} : { index, wait: `${Math.ceil(waitMs / 1000)}s` };
    const invoke: Invoke = ({ health }, context) => health.service({ ...context, service, ...blocking });
    return this.#health(service, invoke, signal, index === 0 ? {} : { waitMs });
  }

  async close(): Promise<void> {
    await Promise.all(this.#readers.map((reader) => reader.close()));
  }

  async #health(service: string, invoke: Invoke, signal: AbortSignal, options: CallOptions = {}) {
    const doing = `reading the instances of "${service}"`;
    const reader = this.#reader % this.#readers.length;
    try {
      return healthAnswer(await call(this.#readers[reader]!, invoke, doing, signal, options), doing);
    } catch (thrown) {
      const error = NamingError.from(thrown, doing);
      if (error.code === 'unavailable' && this.#reader === reader) {
        this.#reader = (reader + 1) % this.#readers.length;
      }
      throw error;
    }
  }
}

async function call(
  api: ConsulApi,
  invoke: Invoke,
  doing: string,
  signal: AbortSignal,
  options: CallOptions = {},
): Promise<ApiAnswer> {
  try {
    return await api.call(invoke, signal, { maxBytes, ...options });
  } catch (thrown) {
    if (signal.aborted) throw new NamingError('aborted', `${doing}: aborted`, { cause: signal.reason });
    throw NamingError.from(thrown, doing);
  }
}

/**
 * An answer that may be believed. Absence is not evidence: without a leader, or with everything filtered out
 * by ACLs, Consul answers 200 with too little. The streaming backend never claims a leader
 * (hashicorp/consul#9776), and hides the filtering: callers that accept streamed answers must check this.
 */
function healthAnswer({ headers, body }: ApiAnswer, doing: string): HealthAnswer {
  const isStreamed = headers['x-consul-query-backend'] === 'streaming';
  if (headers['x-consul-knownleader'] === 'false' && !isStreamed) {
    throw new NamingError('unavailable', `${doing}: Consul has no leader`);
  }
  const instances = healthInstances(body);
  if (instances.length === 0 && headers['x-consul-results-filtered-by-acls'] === 'true') {
    throw new NamingError('denied', `${doing}: the token may not read them (results filtered by ACLs)`);
  }
  const index = Number(headers['x-consul-index'] ?? 0);
  const ageMs = headers['x-cache'] === 'HIT' ? Number(headers['age'] ?? 0) * 1000 : 0;
  return { instances, index: Number.isSafeInteger(index) ? index : 0, isStreamed, ageMs };
}
