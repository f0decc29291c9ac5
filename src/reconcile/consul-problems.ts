import type { DesiredNode } from '../model/desired-node.ts';
import { type EntryRef, entryText } from '../model/entry-ref.ts';
import type { Instance } from '../model/instance.ts';
import { originKeys, originOf, ownerOf } from '../model/origin.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import type { Change } from '../plan/change.ts';
import type { Finding, ForeignOwner, Held } from '../plan/finding.ts';
import type { ObservedNode } from '../plan/observed.ts';

/**
 * What is wrong in Consul with what is wanted, for the owners of the objects it concerns. `observed`: the node as it is
 * in Consul.
 */
export function consulProblems(
  desired: DesiredNode,
  observed: ObservedNode | undefined,
  findings: readonly Finding[],
): readonly Problem[] {
  const held = (by: Held['by']) =>
    findings.flatMap((finding) => (finding.kind === 'held' && finding.by === by ? [finding] : []));
  return [
    ...findings.flatMap((finding) =>
      finding.kind === 'foreign-owner' && (desired.entry?.instances.size ?? 0) > 0
        ? [foreignOwner(desired, finding)]
        : [],
    ),
    ...held('conflict').map(({ at }) => conflict(desired, at)),
    ...held('consul').flatMap((each) => refusals(desired, observed, each)),
  ];
}

/** Without its node no instance can be registered: then each of their objects is concerned. */
function refusals(
  desired: DesiredNode,
  observed: ObservedNode | undefined,
  { change, at, because, error }: Held,
): Problem[] {
  const advice = because === 'denied' ? 'give the token the policy in consul-access.md' : 'it is retried';
  const problem = (object: ObjectRef, what: string): Problem => ({
    object,
    reason: 'RegistrationFailed',
    field: '',
    message: `Consul refuses ${what}: ${error}; ${advice}`,
    severity: 'error',
  });
  const wanted = [...(desired.entry?.instances.values() ?? [])];
  if (change?.kind === 'put-node' && change.effect === 'create' && wanted.length > 0) {
    return wanted.map(({ service, meta }) =>
      problem(objectOf(meta, desired), `the node of an instance of service "${service}"`),
    );
  }
  const { instance: id } = at;
  const instance =
    id === undefined ? undefined : (desired.entry?.instances.get(id) ?? observed?.instances.get(id));
  const of = instance === undefined ? '' : ` of service "${instance.service}"`;
  return [
    problem(
      objectOf(instance?.meta, desired),
      `${change === undefined ? '' : changeNames[change.kind]}${of}`,
    ),
  ];
}

const changeNames: Readonly<Record<Change['kind'], string>> = {
  'put-node': 'to change the node',
  'put-node-check': 'the check of the node',
  'put-instance': 'an instance',
  'put-check': 'a check of an instance',
  'delete-check': 'to remove a check',
  'delete-instance': 'to remove an instance',
  'delete-node': 'to remove the node',
};

/** Said of the Kubernetes node: every pod on it is concerned. */
function foreignOwner(desired: DesiredNode, { node, reason }: ForeignOwner): Problem {
  const owner = {
    agent: 'a live Consul agent has it',
    'other-owner': 'another cluster or program has it',
    'no-stamp': "it was registered without this operator's stamp",
  }[reason];
  const count = desired.entry?.instances.size ?? 0;
  const message =
    `Consul node "${node}" has another owner: ${owner}. ${count === 1 ? '1 instance is' : `${count} instances are`} ` +
    'not registered; remove that node from Consul, or set another cluster.name';
  return { object: nodeRef(desired), reason: 'Conflict', field: '', message, severity: 'error' };
}

function conflict(desired: DesiredNode, at: EntryRef): Problem {
  const message =
    `another writer keeps changing ${entryText(at)} in Consul; repairs are made at growing intervals, at least every ` +
    '5 minutes, until they stop: look for a second registrar or a script';
  const meta = at.instance === undefined ? undefined : desired.entry?.instances.get(at.instance)?.meta;
  return { object: objectOf(meta, desired), reason: 'Conflict', field: '', message, severity: 'warning' };
}

/** The object that asks for an instance with this meta, or else the node. */
const objectOf = (meta: Instance['meta'] = {}, desired: DesiredNode): ObjectRef =>
  ownerOf(originOf(meta)) ?? nodeRef(desired);

function nodeRef({ name, entry }: DesiredNode): ObjectRef {
  return { kind: 'Node', namespace: '', name: entry?.meta[originKeys.node] ?? name, uid: '' };
}
