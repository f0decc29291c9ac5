import { RegistrarError } from '../lib/errors.ts';
import type { CheckStatus } from '../model/check.ts';
import {
  type AgentCheckAnswer,
  type AgentServiceAnswer,
  agentChecksSchema,
  agentServicesSchema,
} from './agent-schemas.ts';
import { answerError } from './answer-error.ts';
import type { ConsulHttp, ExchangeOptions } from './consul-http.ts';
import { parse } from './schemas.ts';

/** How long a doorbell waits, in milliseconds: the longest an agent grants. */
const longestWaitMs = 600_000;
/** Of an acknowledgement, and of one service. */
const maxBytes = 1024 * 1024;

/**
 * The part of the HTTP API of one Consul agent that registrations need
 * (https://developer.hashicorp.com/consul/api-docs/agent). All of it is about what is registered with this very
 * agent. Methods reject as those of ConsulClient do.
 */
export class AgentClient {
  readonly #http: ConsulHttp;
  /** Agents before 1.9.17, 1.10.10 and 1.11.5 refuse `DisableRedirects`, as every field they do not know. */
  #knowsRedirects = true;

  constructor(http: ConsulHttp) {
    this.#http = http;
  }

  /** Every service of the agent, by id. Rejects with `forbidden` when the token does not see all of them. */
  async services(signal: AbortSignal): Promise<Readonly<Record<string, AgentServiceAnswer>>> {
    const path = '/v1/agent/services';
    return parse(agentServicesSchema, await this.#list(path, signal), `GET ${path}`);
  }

  /** Every check of the agent, by id. As services(). */
  async checks(signal: AbortSignal): Promise<Readonly<Record<string, AgentCheckAnswer>>> {
    const path = '/v1/agent/checks';
    return parse(agentChecksSchema, await this.#list(path, signal), `GET ${path}`);
  }

  /**
   * A doorbell: resolves when the service is not any more what it was when asked, at the latest after ten
   * minutes; rejects with `not-found` when there is none.
   */
  async serviceChange(id: string, signal: AbortSignal): Promise<void> {
    const path = `/v1/agent/service/${encodeURIComponent(id)}`;
    const now = await this.#exchange('GET', path, [], signal, { maxBytes });
    const hash = now.headers['x-consul-contenthash'] ?? '';
    if (hash === '') throw new RegistrarError('protocol', `GET ${path}: the answer has no content hash`);
    const query: [string, string][] = [
      ['hash', hash],
      ['wait', `${longestWaitMs}ms`],
    ];
    const extraMs = longestWaitMs * (1 + 1 / 16);
    await this.#exchange('GET', path, query, signal, { extraMs, maxBytes });
  }

  /** `body`: see agent-bodies.ts. Checks of the service that it does not name stay. */
  async registerService(body: object, signal: AbortSignal): Promise<void> {
    await this.#register('/v1/agent/service/register', signal, body);
  }

  async registerCheck(body: object, signal: AbortSignal): Promise<void> {
    await this.#register('/v1/agent/check/register', signal, body);
  }

  /** With its checks. What is not there is gone already. */
  async deregisterService(id: string, signal: AbortSignal): Promise<void> {
    await this.#remove(`/v1/agent/service/deregister/${encodeURIComponent(id)}`, signal);
  }

  async deregisterCheck(id: string, signal: AbortSignal): Promise<void> {
    await this.#remove(`/v1/agent/check/deregister/${encodeURIComponent(id)}`, signal);
  }

  /** The status of a check with a TTL, which starts anew. Rejects with `not-found` when there is no such check. */
  async updateCheck(id: string, status: CheckStatus, output: string, signal: AbortSignal): Promise<void> {
    const path = `/v1/agent/check/update/${encodeURIComponent(id)}`;
    await this.#put(path, signal, { Status: status, Output: output });
  }

  /** Enters or ends a service's maintenance mode; entering it again changes nothing, not even the reason. */
  async maintenance(id: string, reason: string | undefined, signal: AbortSignal): Promise<void> {
    const path = `/v1/agent/service/maintenance/${encodeURIComponent(id)}`;
    const query: [string, string][] =
      reason === undefined
        ? [['enable', 'false']]
        : [
            ['enable', 'true'],
            ['reason', reason],
          ];
    await this.#exchange('PUT', path, query, signal, { maxBytes });
  }

  async #register(path: string, signal: AbortSignal, body: object): Promise<void> {
    try {
      await this.#put(path, signal, this.#knowsRedirects ? withoutRedirects(body) : body);
    } catch (thrown) {
      const error = RegistrarError.from(thrown);
      const isUnknown = error.code === 'rejected' && /unknown field .*DisableRedirects/.test(error.message);
      if (!isUnknown || !this.#knowsRedirects) throw thrown;
      this.#knowsRedirects = false;
      await this.#put(path, signal, body);
    }
  }

  async #put(path: string, signal: AbortSignal, body: object): Promise<void> {
    await this.#exchange('PUT', path, [], signal, { body: JSON.stringify(body), maxBytes });
  }

  async #remove(path: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#exchange('PUT', path, [], signal, { maxBytes });
    } catch (thrown) {
      if (RegistrarError.from(thrown).code !== 'not-found') throw thrown;
    }
  }

  async #list(path: string, signal: AbortSignal): Promise<string> {
    const { headers, text } = await this.#exchange('GET', path, [], signal);
    if (headers['x-consul-results-filtered-by-acls'] === 'true') {
      throw new RegistrarError(
        'forbidden',
        `GET ${path}: the Consul token does not see everything on the agent: it needs read on services (service_prefix "") and on the agent's node`,
      );
    }
    return text;
  }

  async #exchange(
    method: 'GET' | 'PUT',
    path: string,
    query: readonly [string, string][],
    signal: AbortSignal,
    more: ExchangeOptions = {},
  ) {
    const answer = await this.#http.exchange(method, path, query, signal, more);
    if (answer.status === 200) return answer;
    const { status, headers, text } = answer;
    const error = answerError(`${method} ${path}`, status, headers, text);
    // Agents before 1.11 say so of what they do not have.
    if (status === 500 && /unknown (check|service)/i.test(text)) {
      throw new RegistrarError('not-found', error.message, { status });
    }
    throw error;
  }
}

/** The registration with every HTTP check in it told not to follow redirects, which may lead anywhere. */
function withoutRedirects(body: object): object {
  const of = (check: object) => ('HTTP' in check ? { ...check, DisableRedirects: true } : check);
  return 'Checks' in body && Array.isArray(body.Checks) ? { ...body, Checks: body.Checks.map(of) } : of(body);
}
