import assert from 'node:assert/strict';
import { type HttpRequest, readText, type Transport } from '../../../src/lib/transport.ts';

/** A running Consul, real or in memory, as the contract sees it. */
export interface ConsulUnderTest extends AsyncDisposable {
  readonly transport: Transport;
  /** A token with every right; empty when ACLs are off. */
  readonly managementToken: string;
  /** Name of the server's own node. */
  readonly nodeName: string;
  /** An agent that is no server, and its machine; undefined where there is none to be had. */
  readonly client?: ClientAgentUnderTest;
  /** Lets requests that were sent arrive and block. */
  settle(): Promise<void>;
  /** `PUT /v1/snapshot`: a Transport sends text only. */
  restore(snapshot: Uint8Array): Promise<void>;
  /** Awaits what needs the server's time to pass: at most a few seconds of it. */
  drive<T>(pending: Promise<T>): Promise<T>;
}

/** A Consul client agent, real or in memory. */
export interface ClientAgentUnderTest {
  readonly transport: Transport;
  readonly nodeName: string;
  /** Ends it at once, with the connections it holds. */
  stop(): Promise<void>;
  /** Starts it again. `empty`: it has lost what was registered with it. */
  start(options?: { readonly empty?: boolean }): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** `X-Consul-Index`, or NaN. */
  readonly index: number;
}

export interface CallOptions {
  readonly token?: string;
  readonly signal?: AbortSignal;
}

let names = 0;
/** A name no other test uses: the server is shared. */
export const unique = (prefix: string): string => `${prefix}-${++names}`;

/** The requests of one test. */
export class Api {
  readonly #subject: Pick<ConsulUnderTest, 'transport' | 'managementToken'>;

  constructor(subject: Pick<ConsulUnderTest, 'transport' | 'managementToken'>) {
    this.#subject = subject;
  }

  async call(
    method: HttpRequest['method'],
    path: string,
    body?: unknown,
    options: CallOptions = {},
  ): Promise<Reply> {
    const { token = this.#subject.managementToken, signal = new AbortController().signal } = options;
    const response = await this.#subject.transport.request({
      method,
      path,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      headers: token === '' ? {} : { 'X-Consul-Token': token },
      signal,
    });
    const text = await readText(response);
    const { status, headers } = response;
    return { status, headers, text, index: Number(headers['x-consul-index'] ?? 'NaN') };
  }

  get(path: string, options?: CallOptions): Promise<Reply> {
    return this.call('GET', path, undefined, options);
  }

  put(path: string, body?: unknown, options?: CallOptions): Promise<Reply> {
    return this.call('PUT', path, body, options);
  }

  /** The parsed body of a request that must succeed. */
  async json<T>(path: string, options?: CallOptions): Promise<T> {
    const reply = await this.get(path, options);
    assert.equal(reply.status, 200, reply.text);
    return JSON.parse(reply.text) as T;
  }

  /** A transaction that must be committed; its results. */
  async commit(...operations: readonly object[]): Promise<readonly Record<string, Entry>[]> {
    const reply = await this.put('/v1/txn', operations);
    assert.equal(reply.status, 200, reply.text);
    return (JSON.parse(reply.text) as { Results: Record<string, Entry>[] }).Results;
  }

  /** A transaction that must be refused with 409; its errors. */
  async refuse(...operations: readonly object[]): Promise<readonly { OpIndex: number; What: string }[]> {
    const reply = await this.put('/v1/txn', operations);
    assert.equal(reply.status, 409, reply.text);
    const body = JSON.parse(reply.text) as { Results: unknown; Errors: { OpIndex: number; What: string }[] };
    assert.equal(body.Results, null);
    return body.Errors;
  }

  /** A blocking query on what comes after `index`. */
  blocked(path: string, index: number, wait: string): Promise<Reply> {
    return this.get(`${path}${path.includes('?') ? '&' : '?'}index=${index}&wait=${wait}`);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the tests look into answers of every shape
export type Entry = any;

export const node = (name: string, fields: object = {}, verb = 'set') => ({
  Node: { Verb: verb, Node: { Node: name, Address: '10.0.0.1', ...fields } },
});
export const service = (on: string, id: string, name: string, fields: object = {}, verb = 'set') => ({
  Service: { Verb: verb, Node: on, Service: { ID: id, Service: name, ...fields } },
});
export const check = (on: string, id: string, fields: object = {}, verb = 'set') => ({
  Check: { Verb: verb, Check: { Node: on, CheckID: id, Name: id, Status: 'passing', ...fields } },
});
export const kv = (verb: string, key: string, fields: object = {}) => ({
  KV: { Verb: verb, Key: key, ...fields },
});
