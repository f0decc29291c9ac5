import { type Check, checkStatuses } from '../model/check.ts';
import type { Instance } from '../model/instance.ts';
import type { Change } from '../plan/change.ts';

const statuses: ReadonlySet<string> = new Set(checkStatuses);

/**
 * What is wrong with a change; undefined when nothing is. Consul silently accepts an unknown status, a node without an
 * address and invalid node meta, and refuses invalid service meta together with the whole transaction. So everything is
 * validated before it is sent.
 */
export function invalid(change: Change): string | undefined {
  if (change.node === '') return 'the node has no name';
  switch (change.kind) {
    case 'put-node':
      if (change.address === '') return `node ${change.node} has no address`;
      return invalidMeta(change.meta);
    case 'put-node-check':
    case 'put-check':
      return invalidCheck(change.check);
    case 'put-instance':
      return invalidInstance(change.instance) ?? firstOf(change.instance.checks, invalidCheck);
    case 'delete-check':
      return change.check === '' ? 'the check has no id' : undefined;
    case 'delete-instance':
      return change.instance === '' ? 'the instance has no id' : undefined;
    case 'delete-node':
      return undefined;
  }
}

function invalidInstance({ id, service, port, weights, meta }: Instance): string | undefined {
  if (id === '') return 'the instance has no id';
  if (service === '') return `instance ${id} has no service name`;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return `port ${port} is not in 0–65535`;
  if (!isWeight(weights.passing, 1)) return `passing weight ${weights.passing} is not in 1–65535`;
  if (!isWeight(weights.warning, 0)) return `warning weight ${weights.warning} is not in 0–65535`;
  return invalidMeta(meta);
}

function isWeight(weight: number, least: number): boolean {
  return Number.isInteger(weight) && weight >= least && weight <= 65_535;
}

function invalidCheck({ id, status }: Check): string | undefined {
  if (id === '') return 'the check has no id';
  return statuses.has(status) ? undefined : `check ${id} has the unknown status "${status}"`;
}

/** Consul's rules for meta (agent/structs ValidateServiceMetadata, ValidateNodeMetadata). */
function invalidMeta(meta: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(meta);
  if (entries.length > 64) return `meta has ${entries.length} keys; at most 64 are allowed`;
  return firstOf(entries, ([key, value]) => {
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(key)) return `meta key "${key}" is not of A–Z a–z 0–9 _ - (1–128)`;
    if (key.startsWith('consul-')) return `meta key "${key}" is reserved by Consul`;
    const bytes = Buffer.byteLength(value);
    return bytes > 512
      ? `the value of meta key "${key}" has ${bytes} bytes; at most 512 are allowed`
      : undefined;
  });
}

function firstOf<Item>(
  items: readonly Item[],
  problem: (item: Item) => string | undefined,
): string | undefined {
  for (const item of items) {
    const found = problem(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
