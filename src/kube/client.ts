import type { KubernetesObject } from '@kubernetes/client-node';
import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/deadline.ts';
import { RegistrarError } from '../lib/errors.ts';
import { type HttpRequest, readText, type Transport } from '../lib/transport.ts';
import { throwIfRefused } from './answer.ts';

export type PatchType = 'merge' | 'strategic-merge' | 'json';

const patchContentTypes: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  'strategic-merge': 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
};

const callMs = 60_000;

/** `path`: of the object, or of its collection, with the query if any: `/api/v1/namespaces/kube-system`. */
export interface CallOptions {
  readonly signal: AbortSignal;
}

/**
 * Small calls to the API server, one object at a time. The caller gives the whole path. It is meant for short
 * lists only.
 *
 * Every method rejects with a RegistrarError: `unauthorized` (401), `forbidden` (403), `not-found` (404),
 * `conflict` (409), `gone` (410), `throttled` (429, with `retryAfterMs`), `unavailable` (5xx), `rejected`
 * (400, 422 …), `protocol` (an answer that is no JSON object), and what the transport rejects with. Messages
 * begin with the call and contain the server's message. Nothing is retried. A call whose whole answer takes more than
 * a minute rejects with `timeout`, because a body that arrives byte by byte may never end.
 */
export class KubeClient {
  readonly #transport: Transport;
  readonly #clock: Clock;

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  get<T extends KubernetesObject>(path: string, options: CallOptions): Promise<T> {
    return this.#call<T>('GET', path, options);
  }

  /** All items, following `continue` to the end. */
  async list<T extends KubernetesObject>(path: string, options: CallOptions): Promise<readonly T[]> {
    const items: T[] = [];
    let next = '';
    do {
      const page = await this.#call<RawList<T>>('GET', withParameter(path, 'continue', next), options);
      if (!Array.isArray(page.items))
        throw new RegistrarError('protocol', `GET ${path}: the response is not a list`);
      items.push(...page.items);
      next = page.metadata?.continue ?? '';
    } while (next !== '');
    return items;
  }

  /** POST to the collection. Resolves with the object that the server has created. */
  create<T extends KubernetesObject>(path: string, object: T, options: CallOptions): Promise<T> {
    return this.#call<T>('POST', path, options, JSON.stringify(object));
  }

  /** PUT. With `metadata.resourceVersion` set, rejects with `conflict` when the object has changed meanwhile. */
  update<T extends KubernetesObject>(path: string, object: T, options: CallOptions): Promise<T> {
    return this.#call<T>('PUT', path, options, JSON.stringify(object));
  }

  patch<T extends KubernetesObject>(
    path: string,
    patch: unknown,
    options: CallOptions & { readonly type: PatchType },
  ): Promise<T> {
    return this.#call<T>('PATCH', path, options, JSON.stringify(patch), patchContentTypes[options.type]);
  }

  async delete(path: string, options: CallOptions): Promise<void> {
    await this.#call('DELETE', path, options);
  }

  #call<T>(
    method: HttpRequest['method'],
    path: string,
    { signal }: CallOptions,
    ...sent: [body?: string, contentType?: string]
  ): Promise<T> {
    return withDeadline(this.#clock, callMs, signal, (inTime) =>
      this.#exchange<T>(method, path, inTime, ...sent),
    );
  }

  async #exchange<T>(
    method: HttpRequest['method'],
    path: string,
    signal: AbortSignal,
    body?: string,
    contentType = 'application/json',
  ): Promise<T> {
    const what = `${method} ${path.replace(/\?.*/, '')}`;
    const response = await this.#transport.request({
      method,
      path,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      ...(body === undefined ? {} : { body }),
      signal,
    });
    await throwIfRefused(what, response);
    const text = await readText(response);
    try {
      const parsed: unknown = JSON.parse(text);
      if (typeof parsed === 'object' && parsed !== null) return parsed as T;
    } catch {
      // Without V8's message, which quotes a part of the text.
      throw new RegistrarError('protocol', `${what}: the answer is not JSON`);
    }
    throw new RegistrarError('protocol', `${what}: the answer is not an object`);
  }
}

interface RawList<T> {
  readonly items?: readonly T[];
  readonly metadata?: { readonly continue?: string };
}

function withParameter(path: string, name: string, value: string): string {
  if (value === '') return path;
  return `${path}${path.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(value)}`;
}
