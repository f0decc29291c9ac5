import { EventEmitter } from 'node:events';
import Consul from 'consul';
import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/deadline.ts';
import { RegistrarError } from '../lib/errors.ts';
import { redacted } from '../lib/redacted.ts';
import type { Secret } from '../lib/secret.ts';
import { type HttpRequest, type HttpResponse, readText, type Transport } from '../lib/transport.ts';
import { answerError } from './answer-error.ts';

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

/** An answer of any status. */
export interface HttpAnswer {
  /** Method and path of the request, for errors. */
  readonly what: string;
  readonly status: number;
  readonly headers: HttpResponse['headers'];
  readonly text: string;
}

/** An answer of status 200. */
export interface ApiAnswer {
  readonly what: string;
  readonly headers: HttpResponse['headers'];
  /** What the JSON says, still unchecked; undefined when the answer is empty. */
  readonly body: unknown;
}

/** A method of the package. */
type Method = (options: object) => Promise<unknown>;

/**
 * What we use of npm `consul` 2.0.1. Its own types leave out the generic methods of papi, the HTTP library below it,
 * and the options `ctx`, `index`, `wait` and `node-meta`; and they promise shapes that nothing has checked.
 */
export interface ConsulPackage {
  readonly agent: {
    readonly self: Method;
    readonly services: Method;
    readonly checks: Method;
    readonly check: { readonly deregister: Method };
    readonly service: { readonly deregister: Method; readonly maintenance: Method };
  };
  readonly catalog: {
    readonly deregister: Method;
    readonly node: { readonly list: Method };
    readonly service: { readonly list: Method };
  };
  readonly health: { readonly node: Method; readonly service: Method };
  readonly session: { readonly renew: Method; readonly destroy: Method };
  readonly status: { readonly leader: Method };
  readonly transaction: {
    readonly create: (operations: readonly object[], options: object) => Promise<unknown>;
  };
  _get(request: GenericRequest): Promise<unknown>;
  _put(request: GenericRequest): Promise<unknown>;
  _post(request: GenericRequest): Promise<unknown>;
  _ext(event: 'onRequest', extension: (request: PapiRequest, next: () => void) => void): void;
}

/** A request of which the package knows nothing: `{name}` in the path stands for a parameter. */
interface GenericRequest extends CallContext {
  readonly path: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** To be passed to every method of the package, in its options. */
export interface CallContext {
  readonly ctx: EventEmitter;
}

interface PapiRequest {
  readonly ctx?: EventEmitter;
  readonly req: {
    readonly method: HttpRequest['method'];
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  transport: { readonly request: () => OutgoingRequest };
}

const noSecrets: readonly string[] = [];
/** Consul may add a sixteenth to the wait it is asked for. */
const waitJitter = 1 / 16;

/**
 * Consul's HTTP API by npm `consul` over our transport, for servers and agents.
 *
 * Of the package come paths, parameters and bodies. Its sockets, timers and limits are not used: on its own
 * sockets a body that is cut short never settles, bodies have no bound and the deadline is a real timer. papi lets an
 * extension replace a request's transport, so that the request goes the same way as all others: with fail-over,
 * rotation of certificates and tokens, the deadline of the injected clock, bounds, and redaction.
 *
 * The signal of a call travels in `ctx`, the one option that the package's methods hand on as it is. papi would
 * cancel by an event of it; here the transport obeys the signal itself, so no listener is left on it.
 *
 * Calls reject with a RegistrarError: `timeout`, `unreachable`, `aborted`; by status `unauthorized`, `forbidden` (also
 * "ACL not found"), `not-found`, `throttled`, `unavailable`, `rejected`; `protocol` for what is not JSON.
 */
export class ConsulApi {
  readonly #options: ConsulApiOptions;
  /** `dc=east&ns=shop`. */
  readonly #scope: string;
  readonly #package: ConsulPackage;

  constructor(options: ConsulApiOptions) {
    this.#options = options;
    this.#scope = Object.entries({
      dc: options.datacenter,
      ns: options.namespace,
      partition: options.partition,
    })
      .flatMap(([key, value]) => (value ? [`${key}=${encodeURIComponent(value)}`] : []))
      .join('&');
    this.#package = new Consul() as unknown as ConsulPackage;
    this.#package._ext('onRequest', (request, next) => {
      request.transport = { request: () => this.#outgoing(request) };
      next();
    });
  }

  /** One call of one method of the package; any status but 200 rejects. */
  async call(
    invoke: (consul: ConsulPackage, context: CallContext) => Promise<unknown>,
    signal: AbortSignal,
    options: CallOptions = {},
  ): Promise<ApiAnswer> {
    const { what, status, headers, text, body } = await this.answer(invoke, signal, options);
    if (status !== 200) throw answerError(what, status, headers, text);
    return { what, headers, body };
  }

  /** As call(), but any status is an answer. */
  async answer(
    invoke: (consul: ConsulPackage, context: CallContext) => Promise<unknown>,
    signal: AbortSignal,
    options: CallOptions = {},
  ): Promise<HttpAnswer & ApiAnswer> {
    const ctx = new Call(signal, options);
    try {
      await invoke(this.#package, { ctx });
    } catch (thrown) {
      if (ctx.failure !== undefined) throw ctx.failure;
      // Neither sent nor refused: the package found something missing, such as an empty name.
      if (ctx.answer === undefined) throw new RegistrarError('rejected', String(thrown), { cause: thrown });
    }
    if (ctx.answer === undefined) throw new RegistrarError('internal', 'a call without a request');
    return { ...ctx.answer, body: ctx.body };
  }

  /**
   * The raw way, past the package, for the hot path: any status is an answer, its text is not parsed. `path` holds
   * the query, encoded.
   */
  exchange(
    method: 'GET' | 'PUT',
    path: string,
    body: string | undefined,
    signal: AbortSignal,
    options: CallOptions = {},
  ): Promise<HttpAnswer> {
    return this.#send({ method, path, signal, ...(body === undefined ? {} : { body }) }, options);
  }

  /** Idle connections closed, running requests ended. */
  close(): Promise<void> {
    return this.#options.transport.close();
  }

  #outgoing({ ctx, req }: PapiRequest): OutgoingRequest {
    if (!(ctx instanceof Call)) throw new RegistrarError('internal', `${req.path} was asked for without ctx`);
    const { method, path } = req;
    const { 'content-length': _ofThePackage, ...headers } = req.headers;
    return new OutgoingRequest(ctx, (body) =>
      this.#send(
        { method, path, headers, signal: ctx.signal, ...(body === undefined ? {} : { body }) },
        ctx.options,
      ),
    );
  }

  #send(request: HttpRequest, options: CallOptions): Promise<HttpAnswer> {
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

/** What one call carries through the package, and what came of it. papi takes for `ctx` only an EventEmitter. */
class Call extends EventEmitter {
  readonly signal: AbortSignal;
  readonly options: CallOptions;
  answer: HttpAnswer | undefined;
  body: unknown;
  failure: RegistrarError | undefined;

  constructor(signal: AbortSignal, options: CallOptions) {
    super();
    this.signal = signal;
    this.options = options;
  }
}

/**
 * What papi uses of Node's ClientRequest. It settles once: with a response whose body is parsed already, or with an
 * error. The error itself stays in the call, for papi changes the message of those it is given.
 */
class OutgoingRequest extends EventEmitter {
  readonly #call: Call;
  readonly #send: (body: string | undefined) => Promise<HttpAnswer>;

  constructor(call: Call, send: (body: string | undefined) => Promise<HttpAnswer>) {
    super();
    this.#call = call;
    this.#send = send;
  }

  /** Keeps papi from adding a user agent of its own. */
  getHeader(): string {
    return '';
  }

  end(body?: Buffer): void {
    void this.#run(body?.toString());
  }

  async #run(body: string | undefined): Promise<void> {
    const call = this.#call;
    try {
      const answer = await this.#send(body);
      const isJson = answer.status === 200 && answer.text !== '';
      call.body = isJson ? jsonOf(answer.text, answer.what) : undefined;
      call.answer = isJson ? { ...answer, text: '' } : answer;
    } catch (thrown) {
      call.failure = RegistrarError.from(thrown);
      this.emit('error', new Error(call.failure.code));
      return;
    }
    const { status, headers } = call.answer;
    const response = Object.assign(new EventEmitter(), { statusCode: status, headers, body: call.body });
    this.emit('response', response);
    response.emit('end');
  }
}

/** Throws `protocol` for what is not JSON; `what` names the request. */
export function jsonOf(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // V8's message repeats a part of the text.
    throw new RegistrarError('protocol', `${what}: the answer is not JSON`);
  }
}
