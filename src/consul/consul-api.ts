import { EventEmitter } from 'node:events';
import Consul from 'consul';
import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/deadline.ts';
import { RegistrarError } from '../lib/errors.ts';
import { redacted } from '../lib/redacted.ts';
import type { Secret } from '../lib/secret.ts';
import { type HttpRequest, readText, type Transport } from '../lib/transport.ts';
import { answerError, type HttpAnswer, jsonOf } from './http-answer.ts';

export interface ConsulApiOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Asked before every request, so that a token that was renewed is used at once. Default: no token. */
  readonly token?: () => Secret | undefined;
  readonly datacenter?: string | undefined;
  /** Consul Enterprise. */
  readonly namespace?: string | undefined;
  readonly partition?: string | undefined;
  /** Longest time a request may take, in milliseconds, a blocking query's wait not counted. Default 10,000. */
  readonly timeoutMs?: number;
}

export interface CallOptions {
  /** The wait of a blocking query, in milliseconds, as its parameter `wait` says. Default: it does not block. */
  readonly waitMs?: number;
  /** Most bytes of the answer. Default: as readText(). */
  readonly maxBytes?: number;
  /** In place of the one of all requests. */
  readonly timeoutMs?: number;
  /** In place of the one of all requests. */
  readonly token?: Secret;
  /** Parts of the request's body that no error may repeat. */
  readonly secrets?: readonly string[];
}

/** `body`: what the JSON says, unchecked; undefined when the answer is empty, or not a 200. */
export type ApiAnswer = HttpAnswer & { readonly body: unknown };

/**
 * npm `consul` 2.0.1. Its own types leave out the generic methods of papi, the HTTP library below it, and the options
 * `ctx`, `index`, `wait` and `node-meta`; and they promise shapes that nothing has checked. So only its names are used.
 */
type ConsulPackage = Unchecked<Consul> & {
  _get(request: GenericRequest): Promise<unknown>;
  _put(request: GenericRequest): Promise<unknown>;
  _post(request: GenericRequest): Promise<unknown>;
  _ext(event: 'onRequest', extension: (request: PapiRequest, next: () => void) => void): void;
};

type Unchecked<Part> = {
  readonly [Name in keyof Part]: Part[Name] extends (...options: never[]) => unknown
    ? (...options: object[]) => Promise<unknown>
    : Unchecked<Part[Name]>;
};

/** A request for which the package has no faithful method. `{name}` in the path stands for a parameter. */
interface GenericRequest extends CallContext {
  readonly path: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** One call of a method of the package, with `context` among its options. */
export type Invoke = (consul: ConsulPackage, context: CallContext) => Promise<unknown>;

interface CallContext {
  readonly ctx: Call;
}

interface PapiRequest extends CallContext {
  transport: Call;
}

/** What papi passes to Node's http.request(). */
type RequestOptions = Required<Pick<HttpRequest, 'method' | 'path' | 'headers'>>;

const noSecrets: readonly string[] = [];

/** One for all: where a call goes is decided by its `ctx`. */
const consulPackage = new Consul() as unknown as ConsulPackage;
consulPackage._ext('onRequest', (request, next) => {
  request.transport = request.ctx;
  next();
});

/** Consul may add a sixteenth to the wait it is asked for. */
const waitJitter = 1 / 16;

/**
 * Consul's HTTP API by npm `consul` over our transport, for servers and agents.
 *
 * The package makes paths, parameters and bodies. Its sockets, timers and limits are not used: on its own sockets a
 * call whose answer is cut short never settles, answers have no limit, and the deadline is a real timer. papi lets an
 * extension replace a request's transport. So requests go over ours: with fail-over, rotation of certificates and
 * tokens, the deadline of the injected clock, size limits, and redaction.
 *
 * `ctx` is the one option that the package's methods hand on as it is, so a call's signal and limits travel with it.
 * papi would cancel by an event of it; here the transport obeys the signal itself, and no listener is left on it.
 *
 * Calls reject with a RegistrarError: `timeout`, `unreachable`, `aborted`; by status `unauthorized`, `forbidden` (also
 * "ACL not found"), `not-found`, `throttled`, `unavailable`, `rejected`; `protocol` for what is not JSON.
 */
export class ConsulApi {
  readonly #options: ConsulApiOptions;
  /** `dc=east&ns=shop`. */
  readonly #scope: string;

  constructor(options: ConsulApiOptions) {
    this.#options = options;
    this.#scope = Object.entries({
      dc: options.datacenter,
      ns: options.namespace,
      partition: options.partition,
    })
      .flatMap(([key, value]) => (value ? [`${key}=${encodeURIComponent(value)}`] : []))
      .join('&');
  }

  /** By the package; any status but 200 rejects. */
  async call(invoke: Invoke, signal: AbortSignal, options?: CallOptions): Promise<ApiAnswer> {
    const answer = await this.answer(invoke, signal, options);
    if (answer.status !== 200) throw answerError(answer);
    return answer;
  }

  /** By the package; any status is an answer. */
  async answer(invoke: Invoke, signal: AbortSignal, options?: CallOptions): Promise<ApiAnswer> {
    const ctx = new Call((request) => this.exchange({ ...request, signal }, options));
    try {
      await invoke(consulPackage, { ctx });
    } catch (thrown) {
      if (ctx.failure !== undefined) throw ctx.failure;
      // Not sent: the package found something missing, such as an empty name.
      if (ctx.answer === undefined) throw new RegistrarError('rejected', String(thrown), { cause: thrown });
    }
    if (ctx.answer === undefined) throw new RegistrarError('internal', 'a call without a request');
    return ctx.answer;
  }

  /** Idle connections closed, running requests ended. */
  close(): Promise<void> {
    return this.#options.transport.close();
  }

  /** The raw way, past the package, for the hot path: any status is an answer, its text is not parsed. */
  exchange(request: HttpRequest, options: CallOptions = {}): Promise<HttpAnswer> {
    const { transport, clock, token, timeoutMs: usualMs = 10_000 } = this.#options;
    const { waitMs = 0, maxBytes, secrets = noSecrets } = options;
    const { method, path, headers, body, signal } = request;
    const timeoutMs = (options.timeoutMs ?? usualMs) + waitMs * (1 + waitJitter);
    return withDeadline(clock, timeoutMs, signal, async (deadline) => {
      const at = path.indexOf('?');
      const what = `${method} ${at < 0 ? path : path.slice(0, at)}`;
      const scope = this.#scope === '' ? '' : `${at < 0 ? '?' : '&'}${this.#scope}`;
      const secret = options.token ?? token?.();
      try {
        const response = await transport.request({
          method,
          path: path + scope,
          headers: {
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
            ...(secret === undefined ? {} : { 'x-consul-token': secret.reveal() }),
          },
          ...(body === undefined ? {} : { body }),
          signal: deadline,
          headersTimeoutMs: timeoutMs,
          bodyTimeoutMs: timeoutMs,
          waits: waitMs > 0,
        });
        const text = await readText(response, maxBytes === undefined ? {} : { maxBytes });
        return { what, status: response.status, headers: response.headers, text: redacted(text, secrets) };
      } catch (thrown) {
        const { code, message } = RegistrarError.from(thrown);
        throw new RegistrarError(code, `${what}: ${message}`, { cause: thrown });
      }
    });
  }
}

/**
 * A call on its way through papi: its `ctx`, which has to be an EventEmitter, then its transport, then what it uses of
 * Node's ClientRequest. It settles once: with a response whose body is parsed already, or with an error. The error
 * itself is kept here, for papi changes the message of those it is given.
 */
class Call extends EventEmitter {
  answer: ApiAnswer | undefined;
  failure: RegistrarError | undefined;
  readonly #send: (request: RequestOptions & { readonly body?: string }) => Promise<HttpAnswer>;
  #request: RequestOptions | undefined;

  constructor(send: (request: RequestOptions & { readonly body?: string }) => Promise<HttpAnswer>) {
    super();
    this.#send = send;
  }

  request({ method, path, headers }: RequestOptions): this {
    const { 'content-length': _ofThePackage, ...others } = headers;
    this.#request = { method, path, headers: others };
    return this;
  }

  /** Keeps papi from adding a user agent of its own. */
  getHeader(): string {
    return '';
  }

  end(body?: Buffer): void {
    void this.#run(body === undefined ? this.#request! : { ...this.#request!, body: body.toString() });
  }

  async #run(request: RequestOptions & { readonly body?: string }): Promise<void> {
    try {
      const answer = await this.#send(request);
      const isJson = answer.status === 200 && answer.text !== '';
      this.answer = { ...answer, body: isJson ? jsonOf(answer) : undefined };
    } catch (thrown) {
      this.failure = RegistrarError.from(thrown);
      this.emit('error', new Error(this.failure.code));
      return;
    }
    const { status, headers, body } = this.answer;
    const response = Object.assign(new EventEmitter(), { statusCode: status, headers, body });
    this.emit('response', response);
    response.emit('end');
  }
}
