import type { Clock } from '../../lib/clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { retryAfterMs } from '../../lib/retry-after.ts';
import { type HttpRequest, readText, type Transport } from '../../lib/transport.ts';
import type { ServiceInstance } from '../instance.ts';
import { NamingError, type NamingErrorCode } from '../naming-error.ts';
import type { Registration } from '../registration.ts';
import { agentRegistration } from './agent-registration.ts';
import { withinDeadline } from './deadline.ts';
import { parseHealth } from './health-entry.ts';

export interface ConsulScope {
  /** Enterprise namespace. */
  readonly namespace?: string;
  /** Enterprise admin partition. */
  readonly partition?: string;
  /** Datacenter to find services in; the agent's own when absent. */
  readonly datacenter?: string;
}

export interface ConsulClientOptions {
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

interface HealthQuery {
  readonly index?: number;
  readonly waitMs?: number;
  readonly passing?: boolean;
  readonly cachedMs?: number;
}

/** Of an answer; that of a service with 10,000 instances is about ten. */
const maxBytes = 64 * 1024 * 1024;
const callTimeoutMs = 10_000;
const cacheTimeoutMs = 1_000;

/** The few requests of the Consul agent API that Naming needs. Rejects with NamingErrors; retries nothing. */
export class ConsulClient {
  readonly #options: ConsulClientOptions;
  #reader = 0;

  constructor(options: ConsulClientOptions) {
    this.#options = options;
  }

  async register(registration: Registration, signal: AbortSignal): Promise<void> {
    const path = this.#path('/v1/agent/service/register', { 'replace-existing-checks': 'true' });
    const body = JSON.stringify(agentRegistration(registration));
    await this.#home({ method: 'PUT', path, body, signal }, `registering "${registration.id}"`);
  }

  /** Looks first: older agents answer 200 when there is no such service (seen with Consul 1.8.7). */
  async deregister(id: string, signal: AbortSignal): Promise<void> {
    const [service, doing] = [encodeURIComponent(id), `deregistering "${id}"`];
    await this.#home({ method: 'GET', path: this.#path(`/v1/agent/service/${service}`, {}), signal }, doing);
    const path = this.#path(`/v1/agent/service/deregister/${service}`, {});
    await this.#home({ method: 'PUT', path, signal }, doing);
  }

  /** Asks the servers, through every address in turn until one answers. */
  async read(service: string, passing: boolean, signal: AbortSignal): Promise<HealthAnswer> {
    for (let left = this.#options.transports.length; ; left -= 1) {
      try {
        return await this.#health(service, { passing }, callTimeoutMs, signal);
      } catch (thrown) {
        const error = NamingError.from(thrown, `finding "${service}"`);
        if (error.code !== 'unavailable' || left <= 1) throw error;
      }
    }
  }

  /**
   * Asks the agent's cache. Waits a second and not longer: with the streaming backend an agent spends some
   * 12 s on retries before it says that a token is unknown, which a plain read says at once.
   */
  readCached(
    service: string,
    passing: boolean,
    maxAgeMs: number,
    signal: AbortSignal,
  ): Promise<HealthAnswer> {
    return this.#health(service, { passing, cachedMs: maxAgeMs }, cacheTimeoutMs, signal);
  }

  /**
   * A blocking query: answers once the service's index is above `index`, or after `waitMs`; at once when
   * `index` is 0. One address a call: after a failure the next call takes the next.
   */
  watch(service: string, index: number, waitMs: number, signal: AbortSignal): Promise<HealthAnswer> {
    // Consul adds up to wait/16 of jitter to the wait.
    const limitMs = index === 0 ? callTimeoutMs : waitMs + waitMs / 16 + callTimeoutMs;
    return this.#health(service, index === 0 ? {} : { index, waitMs }, limitMs, signal);
  }

  async close(): Promise<void> {
    await Promise.all(this.#options.transports.map((transport) => transport.close()));
  }

  async #health(service: string, query: HealthQuery, limitMs: number, signal: AbortSignal) {
    const doing = `reading the instances of "${service}"`;
    const { index, waitMs, cachedMs, passing = false } = query;
    const { datacenter } = this.#options.scope;
    const path = this.#path(`/v1/health/service/${encodeURIComponent(service)}`, {
      ...(datacenter === undefined ? {} : { dc: datacenter }),
      ...(passing ? { passing: '' } : {}),
      ...(cachedMs === undefined ? {} : { cached: '' }),
      ...(index === undefined ? {} : { index: String(index), wait: `${Math.ceil((waitMs ?? 0) / 1000)}s` }),
    });
    const headers: Record<string, string> =
      cachedMs === undefined ? {} : { 'cache-control': `max-age=${Math.floor(cachedMs / 1000)}` };
    const reader = this.#reader % this.#options.transports.length;
    try {
      const { text, headers: received } = await this.#exchange(
        this.#options.transports[reader]!,
        { method: 'GET', path, headers, signal },
        limitMs,
        doing,
      );
      return healthAnswer(text, received, doing);
    } catch (thrown) {
      const error = NamingError.from(thrown, doing);
      if (error.code === 'unavailable' && this.#reader === reader) {
        this.#reader = (reader + 1) % this.#options.transports.length;
      }
      throw error;
    }
  }

  /** Registrations live on one agent: writes never go to another one. */
  async #home(request: HttpRequest, doing: string): Promise<void> {
    await this.#exchange(this.#options.transports[0]!, request, callTimeoutMs, doing);
  }

  #exchange(transport: Transport, request: HttpRequest, limitMs: number, doing: string) {
    const { clock, token } = this.#options;
    return withinDeadline(
      async (signal) => {
        const secret = token();
        const headers = {
          ...request.headers,
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(secret ? { 'x-consul-token': secret } : {}),
        };
        // The deadline below is the one that counts; the transport's own must not come first.
        const timeouts = { headersTimeoutMs: 2 * limitMs, bodyTimeoutMs: 2 * limitMs };
        const response = await transport.request({ ...request, ...timeouts, headers, signal });
        const text = await readText(response, { maxBytes });
        if (response.status !== 200) throw refusal(response.status, response.headers, text, doing);
        return { text, headers: response.headers };
      },
      { clock, ms: limitMs, signal: request.signal, doing },
    );
  }

  #path(path: string, parameters: Readonly<Record<string, string>>): string {
    const { namespace, partition } = this.#options.scope;
    const query = Object.entries({
      ...parameters,
      ...(namespace === undefined ? {} : { ns: namespace }),
      ...(partition === undefined ? {} : { partition }),
    }).map(([name, value]) => (value === '' ? name : `${name}=${encodeURIComponent(value)}`));
    return query.length === 0 ? path : `${path}?${query.join('&')}`;
  }
}

function refusal(status: number, headers: Readonly<Record<string, string>>, text: string, doing: string) {
  const code: NamingErrorCode =
    status === 401 || status === 403
      ? 'denied'
      : status === 404
        ? 'not-found'
        : status === 429 || status >= 500
          ? 'unavailable'
          : 'invalid';
  const waitMs = retryAfterMs(headers['retry-after']);
  return new NamingError(code, `${doing}: Consul answered ${status} ${text.trim().slice(0, 500)}`, {
    cause: new RegistrarError(code === 'denied' ? 'forbidden' : 'rejected', text, { status }),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

/**
 * An answer that may be believed. Absence is not evidence: without a leader, or with everything filtered out
 * by ACLs, Consul answers 200 with too little. The streaming backend never claims a leader
 * (hashicorp/consul#9776), and hides the filtering: who takes a streamed answer must mind that.
 */
function healthAnswer(text: string, headers: Readonly<Record<string, string>>, doing: string): HealthAnswer {
  const isStreamed = headers['x-consul-query-backend'] === 'streaming';
  if (headers['x-consul-knownleader'] === 'false' && !isStreamed) {
    throw new NamingError('unavailable', `${doing}: Consul has no leader`);
  }
  const instances = parseHealth(text);
  if (instances.length === 0 && headers['x-consul-results-filtered-by-acls'] === 'true') {
    throw new NamingError('denied', `${doing}: the token may not read them (results filtered by ACLs)`);
  }
  const index = Number(headers['x-consul-index'] ?? 0);
  const ageMs = headers['x-cache'] === 'HIT' ? Number(headers['age'] ?? 0) * 1000 : 0;
  return { instances, index: Number.isSafeInteger(index) ? index : 0, isStreamed, ageMs };
}
