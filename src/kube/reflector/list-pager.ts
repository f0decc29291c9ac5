import type { KubernetesObject } from '@kubernetes/client-node';
import type { Clock } from '../../lib/clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { Transport } from '../../lib/transport.ts';
import { throwIfRefused } from '../answer.ts';
import { type ListHead, ListScanner } from './list-scanner.ts';
import { collectionPath, collectionUrl, type Resource } from './resource.ts';
import { Watchdog } from './watchdog.ts';

/** Objects of a page: the server reads them from etcd and keeps them in memory for the answer. */
const pageLimit = 500;
/** Longest silence of the server within a page, ms. */
const silenceMs = 60_000;
/** Longest time of a page, ms: an answer that arrives byte by byte is never silent. */
const pageMs = 300_000;
/** An object is at most 1.5 MiB in etcd. */
const maxItemBytes = 8 * 1024 * 1024;

/** Some objects of a list, as they arrived together. */
export interface ListPart<O> {
  readonly items: readonly O[];
  /** The version of the whole list. A watch starts from it after every part was read. */
  readonly resourceVersion: string;
  /** Monotonic ms. */
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
 * A consistent list, in parts as they arrive. There is at least one part, which holds the version. The resourceVersion
 * stays unset: only this read is never stale, and with `0` the server would ignore the limit. The list is complete
 * only when the generator returns; on any fault it throws. `gone` (410) means that the snapshot was compacted: start
 * again.
 */
export async function* listParts<O extends KubernetesObject>(
  options: ListOptions,
): AsyncGenerator<ListPart<O>, void> {
  let resourceVersion: string | undefined;
  let next: string | undefined;
  do {
    for await (const page of pageParts<O>(options, pageLimit, next)) {
      resourceVersion ??= page.resourceVersion;
      yield { items: page.items, resourceVersion, receivedAt: options.clock.now() };
      next = page.next;
    }
  } while (next);
}

/** The current version of the collection, by a consistent read of one object. */
export async function currentVersion(options: ListOptions): Promise<string> {
  let version = '';
  for await (const { resourceVersion } of pageParts(options, 1)) version = resourceVersion;
  return version;
}

interface PagePart<O> {
  readonly items: readonly O[];
  readonly resourceVersion: string;
  /** The continue token. */
  readonly next: string | undefined;
}

async function* pageParts<O extends KubernetesObject>(
  options: ListOptions,
  limit: number,
  next?: string,
): AsyncGenerator<PagePart<O>, void> {
  const { transport, clock, resource, namespace, signal } = options;
  const what = `GET ${collectionPath(resource, namespace)}`;
  using watchdog = new Watchdog(clock, silenceMs, signal);
  try {
    const response = await transport.request({
      method: 'GET',
      path: collectionUrl(resource, namespace, {
        limit: String(limit),
        ...(next ? { continue: next } : {}),
      }),
      headers: { accept: 'application/json' },
      signal: watchdog.signal,
      bodyTimeoutMs: 0,
    });
    using _late = clock.schedule(pageMs, () =>
      watchdog.end(new RegistrarError('timeout', `${what}: the page did not end within ${pageMs / 1000} s`)),
    );
    watchdog.heard();
    await throwIfRefused(what, response);
    const scanner = new ListScanner(maxItemBytes);
    let head: PagePart<O> | undefined;
    for await (const chunk of response.body) {
      watchdog.heard();
      const texts = scanner.push(chunk);
      if (scanner.head === undefined) continue;
      head ??= headOf(resource, scanner.head);
      yield { ...head, items: texts.map((text) => parseItem<O>(text)) };
    }
    scanner.end();
  } catch (thrown) {
    if (watchdog.endedBy !== undefined) throw watchdog.endedBy;
    if (watchdog.expired) {
      throw new RegistrarError('timeout', `${what}: the server was silent for ${silenceMs / 1000} s`);
    }
    if (thrown instanceof RegistrarError && thrown.code === 'protocol' && thrown.status === undefined) {
      throw new RegistrarError(
        'protocol',
        `${what}: the answer is no ${resource.kind}List: ${thrown.message}`,
        {
          cause: thrown,
        },
      );
    }
    throw thrown;
  }
}

/** Anything but a list of this kind is an error. It must never be read as an empty cluster. */
function headOf<O>(resource: Resource, { kind, metadata }: ListHead): PagePart<O> {
  if (kind !== `${resource.kind}List`) throw new RegistrarError('protocol', `its kind is ${kind}`);
  if (!metadata?.resourceVersion) {
    throw new RegistrarError('protocol', 'no resourceVersion comes before its items');
  }
  return { items: [], resourceVersion: metadata.resourceVersion, next: metadata.continue };
}

function parseItem<O extends KubernetesObject>(text: string): O {
  let item: O;
  try {
    item = JSON.parse(text);
  } catch {
    // Without V8's message, which quotes a part of the text.
    throw new RegistrarError('protocol', 'an item is not JSON');
  }
  if (!item.metadata?.name) throw new RegistrarError('protocol', 'an item has no name');
  return item;
}
