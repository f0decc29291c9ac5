import type { HttpResponse } from '../../lib/transport.ts';
import type { ListPage } from './list.ts';
import type { KubeObject } from './object.ts';
import { apiVersionOf, type Resource } from './resources.ts';
import type { ApiError } from './status.ts';
import { listMeta } from './tables.ts';

const jsonHeaders = { 'content-type': 'application/json', 'cache-control': 'no-cache, private' };
const chunkItems = 100;

export function jsonAnswer(status: number, body: unknown): HttpResponse {
  return { status, headers: jsonHeaders, body: chunks([Buffer.from(`${JSON.stringify(body)}\n`)]) };
}

export function textAnswer(status: number, text: string): HttpResponse {
  const headers = { 'content-type': 'text/plain; charset=utf-8' };
  return { status, headers, body: chunks([Buffer.from(text)]) };
}

export function errorAnswer(error: ApiError): HttpResponse {
  const answer = jsonAnswer(error.code, error.body());
  const seconds = error.details?.retryAfterSeconds;
  return seconds === undefined
    ? answer
    : { ...answer, headers: { ...answer.headers, 'retry-after': String(seconds) } };
}

/** A stream of lines: a watch. */
export function streamAnswer(body: AsyncIterable<Uint8Array>): HttpResponse {
  return { status: 200, headers: jsonHeaders, body };
}

/** Written as the real server streams it: metadata first, then the items, which name no kind of their own. */
export function listAnswer(resource: Resource, page: ListPage): HttpResponse {
  const head = {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata: listMeta(page),
  };
  const shown = page.items.map((object) => withoutType(resource.fromStored?.(object) ?? object));
  const opening = `${JSON.stringify(head).slice(0, -1)},"items":[`;
  return { status: 200, headers: jsonHeaders, body: listBody(opening, shown) };
}

function withoutType({ kind: _, apiVersion: __, ...rest }: KubeObject): unknown {
  return rest;
}

async function* listBody(opening: string, items: readonly unknown[]): AsyncGenerator<Uint8Array> {
  let text = opening;
  for (let from = 0; from < items.length; from += chunkItems) {
    text += items
      .slice(from, from + chunkItems)
      .map((item, index) => (from + index === 0 ? '' : ',') + JSON.stringify(item))
      .join('');
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(`${text}]}\n`);
}

async function* chunks(list: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* list;
}
