import type { KubernetesListObject, KubernetesObject } from '@kubernetes/client-node';
import type { Clock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import { readText, type Transport } from '../lib/transport.ts';
import { throwIfRefused } from './answer.ts';
import { collectionPath, collectionUrl, type Resource } from './resource.ts';
import { Watchdog } from './watchdog.ts';

/** Objects in a page: a page of 9 KB pods is parsed in about 20 ms. */
const pageLimit = 500;
/** Longest silence of the server within a page, ms. */
const silenceMs = 60_000;

export interface ListPage<O> {
  readonly items: readonly O[];
  /** The version the whole list is of: to watch from, once every page was read. */
  readonly resourceVersion: string;
  /** Monotonic time at which the page was complete, ms. */
  readonly receivedAt: number;
}

export interface ListOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly resource: Resource;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * A consistent list, page by page. The resourceVersion stays unset on purpose: that is the read that is never
 * stale, and `0` would make the server ignore the limit. Only a generator that ends by itself has shown the
 * whole list: on any fault it throws. `gone` (410) means the snapshot was compacted away: start over.
 */
export async function* listPages<O extends KubernetesObject>(
  options: ListOptions,
): AsyncGenerator<ListPage<O>, void> {
  let resourceVersion: string | undefined;
  let next = '';
  do {
    const { items, metadata } = await fetchPage<O>(options, pageLimit, next);
    resourceVersion ??= metadata.resourceVersion;
    yield { items, resourceVersion, receivedAt: options.clock.now() };
    next = metadata.continue ?? '';
  } while (next !== '');
}

/** The version the collection is at now: a consistent read of one object. */
export async function currentVersion(options: ListOptions): Promise<string> {
  const { metadata } = await fetchPage(options, 1, '');
  return metadata.resourceVersion;
}

interface RawPage<O> {
  readonly items: readonly O[];
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

async function fetchPage<O>(options: ListOptions, limit: number, next: string): Promise<RawPage<O>> {
  const { transport, clock, resource, namespace, signal } = options;
  const what = `GET ${collectionPath(resource, namespace)}`;
  using watchdog = new Watchdog(clock, silenceMs, signal);
  try {
    const response = await transport.request({
      method: 'GET',
      path: collectionUrl(resource, namespace, {
        limit: String(limit),
        ...(next === '' ? {} : { continue: next }),
      }),
      headers: { accept: 'application/json' },
      signal: watchdog.signal,
      bodyTimeoutMs: 0,
    });
    watchdog.heard();
    await throwIfRefused(what, response);
    const text = await readText({ ...response, body: heardBy(watchdog, response.body) });
    return parsePage(what, resource, text);
  } catch (thrown) {
    if (!watchdog.expired) throw thrown;
    throw new RegistrarError('timeout', `${what}: the server was silent for ${silenceMs / 1000} s`);
  }
}

async function* heardBy(watchdog: Watchdog, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    watchdog.heard();
    yield chunk;
  }
}

/** Anything that is not clearly a list of the kind is an error: it must never be read as an empty cluster. */
function parsePage<O>(what: string, resource: Resource, text: string): RawPage<O> {
  const malformed = (why: string, cause?: unknown) =>
    new RegistrarError('protocol', `${what}: the answer is no ${resource.kind}List: ${why}`, { cause });
  let page: KubernetesListObject<KubernetesObject> | null;
  try {
    page = JSON.parse(text);
  } catch (thrown) {
    throw malformed('it is not JSON', thrown);
  }
  if (page?.kind !== `${resource.kind}List`) throw malformed(`its kind is ${page?.kind}`);
  if (!page.metadata?.resourceVersion) throw malformed('it has no resourceVersion');
  if (!Array.isArray(page.items)) throw malformed('it has no items');
  if (page.items.some((item) => !item?.metadata?.name)) throw malformed('an item has no name');
  return page as unknown as RawPage<O>;
}
