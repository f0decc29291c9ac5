import type { Check } from '../model/check.ts';
import type { Instance } from '../model/instance.ts';
import { notesOf } from './notes.ts';
import type { ObservedCheck, ObservedNode } from './observed.ts';
import { catalogFeatures, type RegistryFeatures } from './registry-features.ts';

/** One field of an entry, before and after, as text; undefined = absent. */
export interface FieldChange {
  readonly field: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

type NodeFields = Pick<ObservedNode, 'address' | 'taggedAddresses' | 'meta'>;
type InstanceFields = Omit<Instance, 'id' | 'checks'>;
type CheckFields = Omit<ObservedCheck, 'id' | 'modifyIndex'>;

/** Longest output of a check, in UTF-8 bytes. Longer output is cut before it is compared or written. */
const maxOutputBytes = 4_096;

/**
 * Entries are compared field by field as canonical text. The order of tags and meta does not count, and empty equals
 * absent; Consul itself treats both as changes.
 */
export function nodeChanges(before: NodeFields | undefined, after: NodeFields | undefined): FieldChange[] {
  return compare(before && nodeText(before), after && nodeText(after));
}

export function instanceChanges(
  before: InstanceFields | undefined,
  after: InstanceFields | undefined,
  features: RegistryFeatures = catalogFeatures,
): FieldChange[] {
  return compare(before && instanceText(before, features), after && instanceText(after, features));
}

export function checkChanges(
  before: CheckFields | undefined,
  after: CheckFields | undefined,
  features: RegistryFeatures = catalogFeatures,
): FieldChange[] {
  return compare(before && checkText(before, features), after && checkText(after, features));
}

/** A check as Consul shows it once it is written; `instance` is undefined for a node's check. */
export function writtenCheck(check: Check, instance: InstanceFields | undefined): CheckFields {
  return {
    name: check.name,
    type: check.type,
    status: check.status,
    output: cappedOutput(check.output),
    notes: notesOf(check),
    serviceName: instance?.service ?? '',
    serviceTags: instance?.tags ?? [],
  };
}

/** The output as it is written: at most 4 KiB of UTF-8, cut between two characters. */
export function cappedOutput(output: string): string {
  if (output.length * 3 <= maxOutputBytes) return output;
  const bytes = Buffer.from(output, 'utf8');
  if (bytes.byteLength <= maxOutputBytes) return output;
  const mark = ' …';
  let end = maxOutputBytes - Buffer.byteLength(mark);
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + mark;
}

type Text = Map<string, string>;

function nodeText(node: NodeFields): Text {
  const text: Text = new Map([['address', node.address]]);
  addRecord(text, 'tagged address', node.taggedAddresses);
  addRecord(text, 'meta', node.meta);
  return text;
}

function instanceText(instance: InstanceFields, features: RegistryFeatures): Text {
  const text: Text = new Map([
    ['service', instance.service],
    ['address', instance.address],
    ['port', String(instance.port)],
    ['tags', tagsText(instance.tags)],
    ['weights', `${instance.weights.passing}/${instance.weights.warning}`],
  ]);
  addRecord(text, 'meta', instance.meta);
  if (!features.taggedAddresses) return text;
  for (const [key, { address, port }] of Object.entries(instance.taggedAddresses)) {
    // Consul adds virtual addresses where a service mesh is enabled.
    if (!key.startsWith('consul-virtual')) text.set(`tagged address ${key}`, `${address} port ${port}`);
  }
  return text;
}

function checkText(check: CheckFields, features: RegistryFeatures): Text {
  const text: Text = new Map([
    ['name', check.name],
    ['status', check.status],
    ['output', check.output],
    ['notes', check.notes],
    ['service', check.serviceName],
    ['tags', tagsText(check.serviceTags)],
  ]);
  if (features.checkType) text.set('type', check.type);
  return text;
}

function tagsText(tags: readonly string[]): string {
  return tags.length === 0 ? '' : JSON.stringify([...tags].sort());
}

function addRecord(text: Text, prefix: string, record: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(record)) text.set(`${prefix} ${key}`, value);
}

function compare(before: Text = new Map(), after: Text = new Map()): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const [field, value] of after) {
    const old = before.get(field);
    if (old !== value) changes.push({ field, before: old, after: value });
  }
  for (const [field, value] of before) {
    if (!after.has(field)) changes.push({ field, before: value, after: undefined });
  }
  return changes.sort((a, b) => (a.field < b.field ? -1 : 1));
}
