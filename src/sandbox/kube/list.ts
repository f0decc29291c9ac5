import type { ListOptions } from './list-options.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resources.ts';
import type { Selection } from './selection.ts';
import { badRequest, expired, invalid, invalidValue, tooLargeResourceVersion } from './status.ts';
import type { ObjectMap, ObjectStore } from './store.ts';

export interface ListPage {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Empty on the last page. */
  readonly continueToken: string;
  readonly remainingItemCount: number | undefined;
}

/** What of which resource is read; an empty namespace stands for all. */
export interface Collection {
  readonly resource: Resource;
  readonly namespace: string;
  readonly selected: Selection;
}

interface Position {
  /** The revision all pages show; -1 once consistency was given up. */
  readonly revision: number;
  /** Keys from here on. */
  readonly start: string;
}

const expiredContinue =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list' +
  ' without the continue parameter, or use the continue token in this response to retrieve the remainder of the' +
  ' results. Continuing with the provided token results in an inconsistent list - objects that were created,' +
  ' modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/** Orders a table's keys as etcd does and remembers it: every page of a list needs the order again. */
export class KeyOrder {
  readonly #orders = new WeakMap<
    ObjectMap,
    { readonly size: number; readonly revision: number; keys: string[] }
  >();

  of(table: ObjectMap, revision: number): readonly string[] {
    const known = this.#orders.get(table);
    if (known?.revision === revision && known.size === table.size) return known.keys;
    const keys = [...table.keys()].sort();
    this.#orders.set(table, { size: table.size, revision, keys });
    return keys;
  }
}

/**
 * One page of a LIST. `newest` is the newest revision this server may show (lower than the store's while it
 * serves stale reads).
 */
export function listPage(
  store: ObjectStore,
  order: KeyOrder,
  { resource, namespace, selected }: Collection,
  options: ListOptions,
  newest: number,
): ListPage {
  const { revision, start } = position(store, options, newest);
  const shown = revision < 0 ? newest : revision;
  const table = store.tableAt(resource.storage, shown);
  if (table === undefined) throw gone(options, start);
  // The server's cache answers "any version" as a whole.
  const limit = options.resourceVersion === '0' && options.resourceVersionMatch === '' ? 0 : options.limit;
  const keys = order.of(table, shown);
  // In etcd a namespace is a range of keys; '0' is the character after '/'.
  const end = namespace === '' ? keys.length : firstAtOrAfter(keys, `${namespace}0`);
  let index = firstAtOrAfter(keys, namespace !== '' && start === '' ? `${namespace}/` : start);
  const items: KubeObject[] = [];
  let last = '';
  for (; index < end && (limit === 0 || items.length < limit); index += 1) {
    last = keys[index]!;
    const object = table.get(last)!;
    if (selected.matches(object)) items.push(object);
  }
  // Objects that do not match count as more: the server looks no further than the page needs.
  const more = end - index;
  return {
    items,
    resourceVersion: String(shown),
    continueToken: more === 0 ? '' : encode({ revision, start: `${last}\0` }),
    remainingItemCount: more === 0 || !selected.everything ? undefined : more,
  };
}

function position(store: ObjectStore, options: ListOptions, newest: number): Position {
  const { continueToken, resourceVersion, resourceVersionMatch, limit } = options;
  if (continueToken !== '') {
    if (resourceVersion !== '' && resourceVersion !== '0') {
      throw badRequest('specifying resource version is not allowed when using continue');
    }
    return decode(continueToken);
  }
  if (resourceVersion === '') return { revision: newest, start: '' };
  const asked = parseResourceVersion(resourceVersion);
  if (asked > newest) throw tooLargeResourceVersion(asked, newest);
  const exact = resourceVersionMatch === 'Exact' || (resourceVersionMatch === '' && limit > 0 && asked > 0);
  if (!exact) return { revision: newest, start: '' };
  if (asked < store.compacted) throw expired('The resourceVersion for the provided list is too old.');
  return { revision: asked, start: '' };
}

function gone(options: ListOptions, start: string): Error {
  if (options.continueToken === '') return expired('The resourceVersion for the provided list is too old.');
  return expired(expiredContinue, encode({ revision: -1, start }));
}

export function parseResourceVersion(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  const detail = `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw invalid('', '', '', [invalidValue('resourceVersion', text, detail)]);
}

function encode({ revision, start }: Position): string {
  const token = JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start });
  return Buffer.from(token).toString('base64url');
}

function decode(token: string): Position {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if (
      v === 'meta.k8s.io/v1' &&
      Number.isInteger(rv) &&
      rv !== 0 &&
      typeof start === 'string' &&
      start !== ''
    ) {
      return { revision: rv, start };
    }
  } catch {
    // Falls through: unreadable is as wrong as incomplete.
  }
  throw badRequest('continue key is not valid');
}

function firstAtOrAfter(keys: readonly string[], start: string): number {
  let low = 0;
  for (let high = keys.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < start) low = middle + 1;
    else high = middle;
  }
  return low;
}
