import { RegistrarError } from '../lib/errors.ts';
import type { CheckStatus } from '../model/check.ts';
import {
  type AgentCheckAnswer,
  type AgentServiceAnswer,
  agentChecksSchema,
  agentServicesSchema,
} from './agent-schemas.ts';
import {
  type ApiAnswer,
  type CallOptions,
  ConsulApi,
  type ConsulApiOptions,
  type Invoke,
} from './consul-api.ts';
import { answerError } from './http-answer.ts';
import { checked } from './schemas.ts';

/** The longest wait that an agent grants, in milliseconds. */
const longestWaitMs = 600_000;
/** An acknowledgement, or one service. */
const small = { maxBytes: 1024 * 1024 };

/**
 * The part of the HTTP API of one Consul agent that registrations need
 * (https://developer.hashicorp.com/consul/api-docs/agent). All of it is about what is registered with this very
 * agent. Methods reject as those of ConsulClient do. The package's methods to register a service or a check drop
 * fields that we send (weights, tagged addresses, a check's output), and it has none to read one service.
 */
export class AgentClient {
  readonly #api: ConsulApi;
  /** Agents before 1.9.17, 1.10.10 and 1.11.5 refuse `DisableRedirects`, as every field they do not know. */
  #knowsRedirects = true;

  constructor(options: ConsulApiOptions) {
    this.#api = new ConsulApi(options);
  }

  /** Every service of the agent, by id. Rejects with `forbidden` when the token does not see all of them. */
  async services(signal: AbortSignal): Promise<Readonly<Record<string, AgentServiceAnswer>>> {
    const answer = await this.#call(({ agent }, context) => agent.services(context), signal);
    return checked(agentServicesSchema, unfiltered(answer), answer.what);
  }

  /** Every check of the agent, by id. As services(). */
  async checks(signal: AbortSignal): Promise<Readonly<Record<string, AgentCheckAnswer>>> {
    const answer = await this.#call(({ agent }, context) => agent.checks(context), signal);
    return checked(agentChecksSchema, unfiltered(answer), answer.what);
  }

  /**
   * A blocking query: resolves when the service is not any more what it was when asked, at the latest after ten
   * minutes; rejects with `not-found` when there is none.
   */
  async serviceChange(id: string, signal: AbortSignal): Promise<void> {
    const get = (query: Readonly<Record<string, string>>, options: CallOptions) =>
      this.#call(
        (consul, context) => consul._get({ ...context, path: '/agent/service/{id}', params: { id }, query }),
        signal,
        options,
      );
    const { what, headers } = await get({}, small);
    const hash = headers['x-consul-contenthash'] ?? '';
    if (hash === '') throw new RegistrarError('protocol', `${what}: the answer has no content hash`);
    await get({ hash, wait: `${longestWaitMs}ms` }, { ...small, waitMs: longestWaitMs });
  }

  /** `body`: see agent-bodies.ts. Checks of the service that it does not name stay. */
  async registerService(body: object, signal: AbortSignal): Promise<void> {
    await this.#register('/agent/service/register', body, signal);
  }

  async registerCheck(body: object, signal: AbortSignal): Promise<void> {
    await this.#register('/agent/check/register', body, signal);
  }

  /** With its checks. What is not there is gone already. */
  async deregisterService(id: string, signal: AbortSignal): Promise<void> {
    await unlessMissing(
      this.#call(({ agent }, context) => agent.service.deregister({ ...context, id }), signal, small),
    );
  }

  async deregisterCheck(id: string, signal: AbortSignal): Promise<void> {
    await unlessMissing(
      this.#call(({ agent }, context) => agent.check.deregister({ ...context, id }), signal, small),
    );
  }

  /** The status of a check with a TTL, which starts anew. Rejects with `not-found` when there is no such check. */
  async updateCheck(id: string, status: CheckStatus, output: string, signal: AbortSignal): Promise<void> {
    const body = { Status: status, Output: output };
    await this.#call(
      (consul, context) =>
        consul._put({ ...context, path: '/agent/check/update/{id}', params: { id }, body }),
      signal,
      small,
    );
  }

  /** Enters or ends a service's maintenance mode; entering it again changes nothing, not even the reason. */
  async maintenance(id: string, reason: string | undefined, signal: AbortSignal): Promise<void> {
    const mode = reason === undefined ? { enable: false } : { enable: true, reason };
    await this.#call(
      ({ agent }, context) => agent.service.maintenance({ ...context, id, ...mode }),
      signal,
      small,
    );
  }

  async #register(path: string, body: object, signal: AbortSignal): Promise<void> {
    const put = (sent: object) =>
      this.#call((consul, context) => consul._put({ ...context, path, body: sent }), signal, small);
    try {
      await put(this.#knowsRedirects ? withoutRedirects(body) : body);
    } catch (thrown) {
      const error = RegistrarError.from(thrown);
      const isUnknown = error.code === 'rejected' && /unknown field .*DisableRedirects/.test(error.message);
      if (!isUnknown || !this.#knowsRedirects) throw thrown;
      this.#knowsRedirects = false;
      await put(body);
    }
  }

  async #call(invoke: Invoke, signal: AbortSignal, options?: CallOptions): Promise<ApiAnswer> {
    const answer = await this.#api.answer(invoke, signal, options);
    const { status, text } = answer;
    if (status === 200) return answer;
    const error = answerError(answer);
    // How agents before 1.11 answer for what they do not have.
    if (status === 500 && /unknown (check|service)/i.test(text)) {
      throw new RegistrarError('not-found', error.message, { status });
    }
    throw error;
  }
}

function unfiltered({ what, headers, body }: ApiAnswer): unknown {
  if (headers['x-consul-results-filtered-by-acls'] !== 'true') return body;
  throw new RegistrarError(
    'forbidden',
    `${what}: the Consul token does not see everything on the agent: it needs read on services (service_prefix "") and on the agent's node`,
  );
}

async function unlessMissing(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (thrown) {
    if (RegistrarError.from(thrown).code !== 'not-found') throw thrown;
  }
}

/** The registration with DisableRedirects on every HTTP check in it: redirects may lead anywhere. */
function withoutRedirects(body: object): object {
  const of = (check: object) => ('HTTP' in check ? { ...check, DisableRedirects: true } : check);
  return 'Checks' in body && Array.isArray(body.Checks) ? { ...body, Checks: body.Checks.map(of) } : of(body);
}
