import {
  type CheckId,
  type ConsulNodeName,
  checkId,
  consulNodeName,
  type InstanceId,
  instanceId,
  type ServiceName,
  serviceName,
} from './keys.ts';

/**
 * A reference to one entry in Consul. Every field can be read without asking for the kind; it is undefined where the
 * kind does not have it.
 */
export type EntryRef =
  | (OfNode & { readonly kind: 'node' } & Without<'instance' | 'service' | 'check'>)
  | (OfNode & { readonly kind: 'node-check'; readonly check: CheckId } & Without<'instance' | 'service'>)
  | (OfInstance & { readonly kind: 'instance' } & Without<'check'>)
  | (OfInstance & { readonly kind: 'instance-check'; readonly check: CheckId });

type Without<Field extends string> = { readonly [Name in Field]?: undefined };

interface OfNode {
  readonly node: ConsulNodeName;
}

/** An instance, for what names it among fields of its own. */
export interface OfInstance extends OfNode {
  readonly instance: InstanceId;
  readonly service: ServiceName;
}

/** Equal for references to the same entry. */
export const entryKey = ({ node, instance, check }: EntryRef): string =>
  `${node}\0${instance ?? ''}\0${check ?? ''}`;

/** The entry's own id; for a check, that of the check. */
export const entryId = ({ node, instance, check }: EntryRef): string => check ?? instance ?? node;

/** What the entry is, in one word. */
export type EntryNoun = 'node' | 'instance' | 'check';
export const entryNoun = ({ kind }: EntryRef): EntryNoun =>
  kind === 'node' || kind === 'instance' ? kind : 'check';

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
export type EntryFields = { readonly node: string } & {
  readonly [Field in 'instance' | 'service' | 'check']: string | null;
};

/** The reference that entryFields() wrote. */
export function entryRefOf({ node, instance, service, check }: EntryFields): EntryRef {
  const on = { node: consulNodeName(node) };
  if (instance === null || service === null) {
    return check === null ? { kind: 'node', ...on } : { kind: 'node-check', ...on, check: checkId(check) };
  }
  const of = { ...on, instance: instanceId(instance), service: serviceName(service) };
  return check === null
    ? { kind: 'instance', ...of }
    : { kind: 'instance-check', ...of, check: checkId(check) };
}

export const entryFields = ({ node, instance, service, check }: EntryRef): EntryFields => ({
  node,
  instance: instance ?? null,
  service: service ?? null,
  check: check ?? null,
});
