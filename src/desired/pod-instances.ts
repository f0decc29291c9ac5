import type { StaleSource } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { PodRecord } from '../model/pod.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import { chooseAddresses } from './addresses.ts';
import type { BrokenDeclaration, Declaration } from './declaration.ts';
import { isFinished, podCondition, presenceOf } from './health.ts';
import { podInstanceId } from './identity.ts';
import { buildInstance } from './instance.ts';
import { type Complaint, error, quote, type Read, toProblems } from './mistake.ts';
import type { NodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import { declaredPodPort, reachedPort, resolvePodPort } from './ports.ts';
import { resolveProbes } from './probe-checks.ts';
import { fieldOf } from './raw-declaration.ts';
import { denials, nothing, type SourceResult, staleSource } from './source.ts';
import type { PortRef } from './values.ts';

/** One for all: most pods have nothing to say here, and there are many. */
const none: readonly never[] = [];

/** The instances a pod's own annotations ask for. */
export function podInstances(pod: PodRecord, node: NodeFacts, context: DesiredContext): SourceResult {
  if (isFinished(pod) || Object.keys(pod.annotations).length === 0) return nothing;
  const object: ObjectRef = { kind: 'Pod', namespace: pod.namespace, name: pod.name, uid: pod.uid };
  const declared = context.describePod(pod, {
    podName: pod.name,
    podNamespace: pod.namespace,
    podLabels: pod.labels,
    nodeName: node.name,
    nodeZone: node.zone,
    nodeRegion: node.region,
    clusterName: context.clusterName,
  });
  const { services } = declared;
  const complaints: Complaint[] = [...declared.mistakes];
  // Not an error and not stale: the sandbox is still to come, or gone for good.
  if (pod.ips.length === 0)
    return { object, instances: [], stale: [], problems: toProblems(object, complaints), services };

  const instances = new Map<string, Instance>();
  const stale: StaleSource[] = [];
  const keep = (declaration: Declaration | BrokenDeclaration): void => {
    const source = { namespace: pod.namespace, podUid: pod.uid, kubeService: '' };
    const kept = staleSource(source, declaration, podCondition(pod));
    if (kept !== undefined) stale.push(kept);
  };
  for (const declaration of declared.outcomes) {
    if (declaration.kind === 'broken') {
      keep(declaration);
      continue;
    }
    const denied = denials(object, declaration, context);
    if (denied.length > 0) {
      complaints.push(...denied);
      keep(declaration);
      continue;
    }
    const outcome = podInstance(declaration, pod, node, context);
    if (outcome === undefined) continue;
    if (!('id' in outcome)) {
      complaints.push(...outcome);
      keep(declaration);
    } else if (instances.has(outcome.id)) {
      const message = `service ${quote(outcome.service)} on port ${outcome.port} is asked for twice; remove one`;
      complaints.push(error(fieldOf(declaration, 'service'), message));
    } else instances.set(outcome.id, outcome);
  }
  const found = { object, instances: [...instances.values()], services };
  return {
    ...found,
    stale: stale.length === 0 ? none : stale,
    problems: complaints.length === 0 ? none : toProblems(object, complaints),
  };
}

/** The instance, everything that is in its way, or undefined when it is drained away. */
function podInstance(
  declaration: Declaration,
  pod: PodRecord,
  node: NodeFacts,
  context: DesiredContext,
): Instance | readonly Omit<Problem, 'object'>[] | undefined {
  const now = presenceOf(podCondition(pod), declaration);
  if (now.kind === 'deregistered') return undefined;
  const resolved = resolvePodPort(declaration.port, pod.ports);
  if ('refused' in resolved) {
    const field = fieldOf(declaration, 'port');
    return [{ reason: 'InvalidAnnotation', field, message: resolved.refused, severity: 'error' }];
  }
  const port = resolved.value;
  const [first, ...others] = chooseAddresses(declaration.address, { own: pod.ips, host: pod.hostIps, node });
  if (first === undefined) {
    return [unreachable(declaration, noAddress(declaration, node, context))];
  }
  const reached = reachedPort(declaration.address, port, pod);
  if ('refused' in reached) return [unreachable(declaration, reached.refused)];
  const portOf = (ref: PortRef): Read<number> => {
    const found = declaredPodPort(ref, pod.ports, port);
    return 'refused' in found ? found : reachedPort(declaration.address, found.value, pod);
  };
  const addresses = [first, ...others] as const;
  const probes = resolveProbes(declaration, { addresses, port: reached.value, portOf }, context);
  if (!('checks' in probes)) return probes;
  return buildInstance({
    id: podInstanceId(pod, declaration.service, port),
    declaration,
    origin: {
      namespace: pod.namespace,
      pod: pod.name,
      podUid: pod.uid,
      service: '',
      node: node.name,
      cluster: context.clusterName,
    },
    addresses,
    port: reached.value,
    health: now.check,
    probes,
    options: context,
    pod,
  });
}

/** An address of the wanted kind leads to nothing. */
export const unreachable = (declaration: Declaration, message: string): Omit<Problem, 'object'> => ({
  reason: 'RegistrationFailed',
  field: fieldOf(declaration, 'address'),
  message,
  severity: 'error',
});

/** Why there is no address of the wanted kind. */
export function noAddress(declaration: Declaration, node: NodeFacts, context: DesiredContext): string {
  const name = quote(node.name);
  switch (declaration.address) {
    case 'pod':
      return 'there is no address';
    case 'host':
      return node.name === ''
        ? 'address "host" needs a Kubernetes node, and the endpoint names none; use "pod"'
        : `the address of node ${name} is not known; use address "pod"`;
    case 'node-external':
      if (context.namespaced)
        return 'address "node-external" needs cluster-wide rights to read nodes; use "pod"';
      return node.name === ''
        ? 'address "node-external" needs a Kubernetes node, and the endpoint names none; use "pod"'
        : `node ${name} has no address of type ExternalIP; use address "pod" or "host"`;
  }
}
