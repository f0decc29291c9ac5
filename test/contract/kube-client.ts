import assert from 'node:assert/strict';
import { type HttpRequest, readText, type Transport } from '../../src/lib/transport.ts';

// What the contract reads of any object; tests go where they like in the rest.
export interface Body {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
    readonly finalizers?: string[];
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: Body[];
  readonly spec: Record<string, unknown>;
  readonly status: Record<string, unknown>;
  readonly [field: string]: unknown;
}

/** metav1.Status of kind Failure. */
export interface Failure {
  readonly kind: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly code: number;
  readonly metadata: { readonly continue?: string };
  readonly details?: Record<string, unknown>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface Frame {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Body;
}

export const patchType = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

/** How long a real server may take for one answer or one frame of a watch, ms. */
const deadlineMs = 20_000;

/** A client for tests: every call says which status it expects. */
export class KubeClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async call(
    method: HttpRequest['method'],
    path: string,
    body?: unknown,
    contentType = 'application/json',
    accept = 'application/json',
  ): Promise<Answer> {
    const response = await this.#transport.request({
      method,
      path,
      signal: AbortSignal.timeout(deadlineMs),
      headers: { accept, ...(body === undefined ? {} : { 'content-type': contentType }) },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, text: await readText(response) };
  }

  get(path: string): Promise<Body> {
    return this.#expect(200, 'GET', path);
  }

  create(path: string, body: unknown): Promise<Body> {
    return this.#expect(201, 'POST', path, body);
  }

  update(path: string, body: unknown): Promise<Body> {
    return this.#expect(200, 'PUT', path, body);
  }

  patch(path: string, body: unknown, type: keyof typeof patchType): Promise<Body> {
    return this.#expect(200, 'PATCH', path, body, patchType[type]);
  }

  delete(path: string, options?: unknown): Promise<Body> {
    return this.#expect(200, 'DELETE', path, options);
  }

  /** A call that must fail with this status; returns the Status it explains itself with. */
  async refused(
    code: number,
    method: HttpRequest['method'],
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<Failure> {
    const answer = await this.call(method, path, body, contentType);
    assert.equal(answer.status, code, answer.text);
    const failure = JSON.parse(answer.text) as Failure;
    assert.equal(failure.kind, 'Status');
    assert.equal(failure.status, 'Failure');
    assert.equal(failure.code, code);
    return failure;
  }

  async watch(path: string, accept = 'application/json'): Promise<Watch> {
    const abort = new AbortController();
    const response = await this.#transport.request({
      method: 'GET',
      path: `${path}${path.includes('?') ? '&' : '?'}watch=true`,
      headers: { accept },
      signal: abort.signal,
      bodyTimeoutMs: 0,
    });
    if (response.status !== 200) assert.fail(`watch ${path}: ${response.status} ${await readText(response)}`);
    return new Watch(response.body, abort);
  }

  async #expect(
    code: number,
    method: HttpRequest['method'],
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<Body> {
    const answer = await this.call(method, path, body, contentType);
    assert.equal(answer.status, code, `${method} ${path}: ${answer.text}`);
    return JSON.parse(answer.text) as Body;
  }
}

/** The lines of a watch, one by one. `await using` closes it. */
export class Watch implements AsyncDisposable {
  readonly #lines: AsyncGenerator<string>;
  readonly #abort: AbortController;

  constructor(body: AsyncIterable<Uint8Array>, abort: AbortController) {
    this.#lines = linesOf(body);
    this.#abort = abort;
  }

  /** The next line; undefined at the end. Fails when a real server does not bring it in time. */
  async frame(): Promise<Frame | undefined> {
    const timer = setTimeout(() => this.#abort.abort(new Error('no frame in time')), deadlineMs);
    try {
      const { done, value } = await this.#lines.next();
      return done ? undefined : (JSON.parse(value) as Frame);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next line that is no bookmark. */
  async event(): Promise<Frame> {
    for (;;) {
      const frame = await this.frame();
      assert.ok(frame !== undefined, 'the watch ended');
      if (frame.type !== 'BOOKMARK') return frame;
    }
  }

  /** `ADDED web-1`: the next event, for short. */
  async next(): Promise<string> {
    const { type, object } = await this.event();
    return `${type} ${object.metadata.name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
  }
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  assert.equal(rest, '', 'the watch broke off in mid-line');
}
