import { isRecord, type JsonRecord, sameJson } from './object.ts';
import { ApiError, badRequest } from './status.ts';

/** RFC 7386: null removes, records merge, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete result[field];
    else result[field] = mergePatch(result[field], value);
  }
  return result;
}

/** Lists that strategic merge patch merges by a key (patchMergeKey in k8s.io/api), by field name. */
const mergeKeys: Readonly<Record<string, string>> = {
  conditions: 'type',
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  addresses: 'type',
  podIPs: 'ip',
  hostIPs: 'ip',
  ownerReferences: 'uid',
};

/** ports merge by another key in containers than in Services. */
function mergeKey(field: string, items: readonly unknown[]): string | undefined {
  if (field !== 'ports') return mergeKeys[field];
  return items.some((item) => isRecord(item) && 'containerPort' in item) ? 'containerPort' : 'port';
}

/**
 * Strategic merge patch: as a merge patch, but the lists above merge item by item, finalizers as a set, and
 * `$patch: delete | replace` is obeyed. Directives for the order of items are ignored.
 */
export function strategicMergePatch(target: unknown, patch: unknown, field = ''): unknown {
  if (Array.isArray(patch)) return mergeLists(Array.isArray(target) ? target : [], patch, field);
  if (!isRecord(patch)) return patch;
  if (patch['$patch'] === 'replace') return withoutDirective(patch);
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$')) continue;
    if (value === null) delete result[name];
    else result[name] = strategicMergePatch(result[name], value, name);
  }
  return result;
}

function mergeLists(current: readonly unknown[], patch: readonly unknown[], field: string): unknown[] {
  if (field === 'finalizers') return [...new Set([...current, ...patch])];
  const key = mergeKey(field, [...current, ...patch]);
  if (key === undefined) return [...patch];
  if (patch.some((item) => isRecord(item) && item['$patch'] === 'replace')) {
    return patch.filter((item) => !isRecord(item) || item['$patch'] === undefined);
  }
  let items = [...current];
  for (const item of patch) {
    if (!isRecord(item)) continue;
    const index = items.findIndex((old) => isRecord(old) && old[key] === item[key]);
    if (item['$patch'] === 'delete') items = items.filter((_, at) => at !== index);
    else if (index < 0) items.push(strategicMergePatch(undefined, item));
    else items[index] = strategicMergePatch(items[index], item);
  }
  return items;
}

function withoutDirective(patch: JsonRecord): JsonRecord {
  return Object.fromEntries(Object.entries(patch).filter(([field]) => field !== '$patch'));
}

/** The server does not say which operation failed, so this does not either. */
const refused = () =>
  new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

/** RFC 6902. Throws 422 when an operation cannot be applied (a failed `test` included), 400 when malformed. */
export function jsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) throw badRequest('error decoding patch: the body is no JSON array');
  let document: unknown = structuredClone(target);
  for (const operation of operations) {
    if (!isRecord(operation) || typeof operation['path'] !== 'string') throw refused();
    const path = pointer(operation['path']);
    const from = typeof operation['from'] === 'string' ? pointer(operation['from']) : undefined;
    switch (operation['op']) {
      case 'add':
        document = add(document, path, operation['value']);
        break;
      case 'replace':
        document = add(remove(document, path), path, operation['value']);
        break;
      case 'remove':
        document = remove(document, path);
        break;
      case 'move': {
        if (from === undefined) throw refused();
        const value = read(document, from);
        document = add(remove(document, from), path, value);
        break;
      }
      case 'copy':
        if (from === undefined) throw refused();
        document = add(document, path, structuredClone(read(document, from)));
        break;
      case 'test':
        if (!sameJson(readOrAbsent(document, path), operation['value'] ?? null)) throw refused();
        break;
      default:
        throw refused();
    }
  }
  return document;
}

function pointer(text: string): string[] {
  if (text !== '' && !text.startsWith('/')) throw refused();
  return text
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const token of path) {
    if (Array.isArray(value) && /^\d+$/.test(token) && Number(token) < value.length)
      value = value[Number(token)];
    else if (isRecord(value) && Object.hasOwn(value, token)) value = value[token];
    else throw refused();
  }
  return value;
}

/** A `test` against null also holds where there is nothing. */
function readOrAbsent(document: unknown, path: readonly string[]): unknown {
  const parent = read(document, path.slice(0, -1));
  const last = path.at(-1);
  if (last !== undefined && isRecord(parent) && !Object.hasOwn(parent, last)) return null;
  return read(document, path);
}

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : Number(last);
    if (!Number.isInteger(index) || index < 0 || index > parent.length) throw refused();
    parent.splice(index, 0, value);
  } else if (isRecord(parent)) {
    (parent as Record<string, unknown>)[last] = value;
  } else throw refused();
  return document;
}

function remove(document: unknown, path: readonly string[]): unknown {
  read(document, path);
  const last = path.at(-1);
  if (last === undefined) return undefined;
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete (parent as Record<string, unknown>)[last];
  return document;
}
