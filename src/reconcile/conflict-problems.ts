import type { DesiredNode } from '../model/desired-node.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import type { Finding, ForeignOwner } from '../plan/finding.ts';
import type { Contended } from './contention.ts';

/** What others do to our entries in Consul, told to the owners of the objects it concerns. */
export function conflictProblems(
  desired: DesiredNode,
  findings: readonly Finding[],
  contended: readonly Contended[],
): readonly Problem[] {
  return [
    ...findings.flatMap((finding) =>
      finding.kind === 'foreign-owner' && (desired.entry?.instances.size ?? 0) > 0
        ? [foreignOwner(desired, finding)]
        : [],
    ),
    ...contended.map((each) => contention(desired, each)),
  ];
}

/** Said of the Kubernetes node: every pod on it is concerned. */
function foreignOwner(desired: DesiredNode, { node, reason }: ForeignOwner): Problem {
  const owner = {
    agent: 'a live Consul agent has it',
    'other-owner': 'another cluster or program has it',
    'no-stamp': 'somebody has registered it without our mark',
  }[reason];
  const count = desired.entry?.instances.size ?? 0;
  const message =
    `Consul node "${node}" is not ours: ${owner}. ${count === 1 ? '1 instance is' : `${count} instances are`} ` +
    'not registered; remove that node from Consul, or set another cluster.name';
  return { object: nodeRef(desired), reason: 'Conflict', field: '', message, severity: 'error' };
}

function contention(desired: DesiredNode, { node, instance, service, check }: Contended): Problem {
  const entry =
    instance !== undefined
      ? `instance "${instance}" of service "${service ?? ''}"`
      : check === undefined
        ? `node "${node}"`
        : `check "${check}" of node "${node}"`;
  const message =
    `somebody else keeps changing ${entry} in Consul; it is put right more and more rarely, at least every ` +
    '5 minutes, until they stop: look for a second registrar or a script';
  return { object: objectOf(desired, instance), reason: 'Conflict', field: '', message, severity: 'warning' };
}

/** The object that asks for an instance: its pod, or else the Service, or else the node. */
function objectOf(desired: DesiredNode, instance: Contended['instance']): ObjectRef {
  const meta = (instance === undefined ? undefined : desired.entry?.instances.get(instance)?.meta) ?? {};
  const namespace = meta['kube-namespace'] ?? '';
  const [pod, service] = [meta['kube-pod'], meta['kube-service']];
  if (pod !== undefined) return { kind: 'Pod', namespace, name: pod, uid: meta['kube-pod-uid'] ?? '' };
  if (service !== undefined) return { kind: 'Service', namespace, name: service, uid: '' };
  return nodeRef(desired);
}

function nodeRef({ name, entry }: DesiredNode): ObjectRef {
  return { kind: 'Node', namespace: '', name: entry?.meta['kube-node'] ?? name, uid: '' };
}
