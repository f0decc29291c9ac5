import type { CheckId, ConsulNodeName, InstanceId, ServiceName } from './keys.ts';

/**
 * A reference to one entry in Consul. Every field can be read without asking for the kind; it is undefined where the
 * kind does not have it.
 */
export type EntryRef = NodeRef | NodeCheckRef | InstanceRef | InstanceCheckRef;

export interface NodeRef {
  readonly kind: 'node';
  readonly node: ConsulNodeName;
  readonly instance?: undefined;
  readonly service?: undefined;
  readonly check?: undefined;
}

export interface NodeCheckRef extends Omit<NodeRef, 'kind' | 'check'> {
  readonly kind: 'node-check';
  readonly check: CheckId;
}

export interface InstanceRef extends Omit<NodeRef, 'kind' | 'instance' | 'service'> {
  readonly kind: 'instance';
  readonly instance: InstanceId;
  readonly service: ServiceName;
}

export interface InstanceCheckRef extends Omit<InstanceRef, 'kind' | 'check'> {
  readonly kind: 'instance-check';
  readonly check: CheckId;
}

/** An instance, for what names it among fields of its own. */
export type OfInstance = Pick<InstanceRef, 'node' | 'instance' | 'service'>;

/** Equal for references to the same entry. */
export const entryKey = ({ node, instance, check }: EntryRef): string =>
  `${node}\0${instance ?? ''}\0${check ?? ''}`;

/** The entry's own id; for a check, that of the check. */
export const entryId = ({ node, instance, check }: EntryRef): string => check ?? instance ?? node;

/** What the entry is, in one word. */
export type EntryNoun = 'node' | 'instance' | 'check';

const nouns: Readonly<Record<EntryRef['kind'], EntryNoun>> = {
  node: 'node',
  'node-check': 'check',
  instance: 'instance',
  'instance-check': 'check',
};

export const entryNoun = ({ kind }: EntryRef): EntryNoun => nouns[kind];

/** For people: `check "serfHealth" of node "kind-worker"`. */
export function entryText(at: EntryRef): string {
  switch (at.kind) {
    case 'node':
      return `node "${at.node}"`;
    case 'node-check':
      return `check "${at.check}" of node "${at.node}"`;
    case 'instance':
      return `instance "${at.instance}" of service "${at.service}"`;
    case 'instance-check':
      return `check "${at.check}" of instance "${at.instance}" of service "${at.service}"`;
  }
}

/** A reference as JSON: null for what it does not name. */
export interface EntryFields {
  readonly node: string;
  readonly instance: string | null;
  readonly service: string | null;
  readonly check: string | null;
}

export const entryFields = ({ node, instance, service, check }: EntryRef): EntryFields => ({
  node,
  instance: instance ?? null,
  service: service ?? null,
  check: check ?? null,
});
