import type { StaleSource } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import { chooseAddresses, isIpv6 } from './addresses.ts';
import type { BrokenDeclaration, Declaration } from './declaration.ts';
import { type Declarations, describeDeclarations } from './declarations.ts';
import type { EndpointGroup } from './endpoint-groups.ts';
import { type Condition, isFinished, isGated, notReadyReason, podHealth, presenceOf } from './health.ts';
import { endpointInstanceId, podInstanceId } from './identity.ts';
import { buildInstance } from './instance.ts';
import { type Complaint, error, quote, type Read, toProblems } from './mistake.ts';
import type { NodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import { noAddress, unreachable } from './pod-instances.ts';
import { type EndpointPort, reachedPort, resolveServicePort } from './ports.ts';
import { resolveProbes } from './probe-checks.ts';
import { fieldOf } from './raw-declaration.ts';
import { isSwitchedOff } from './read-annotations.ts';
import { denials, nothing, type SourceResult, staleSource } from './source.ts';
import type { PortRef } from './values.ts';

/**
 * The instances a Service's annotations ask for at one of its backends, without the services that the
 * pod's own annotations speak of (`own`).
 */
export function sliceInstances(
  group: EndpointGroup,
  own: ReadonlySet<string>,
  node: NodeFacts,
  context: DesiredContext,
): SourceResult {
  const { service, pod } = group;
  // A finished pod in a slice: the slice is behind. It will never serve again.
  if (pod !== undefined && (isFinished(pod) || isSwitchedOff(pod.annotations))) return nothing;
  const object: ObjectRef = {
    kind: 'Service',
    namespace: service.namespace,
    name: service.name,
    uid: service.uid,
  };
  const declared = declarationsFor(group, node, context);
  const complaints: Complaint[] = [...declared.mistakes];
  const instances = new Map<string, Instance>();
  const stale: StaleSource[] = [];
  for (const declaration of declared.outcomes) {
    if (own.has(declaration.service.toLowerCase())) continue;
    const denied = declaration.kind === 'declared' ? denials(object, declaration, context) : [];
    if (denied.length > 0) complaints.push(...denied);
    else if (declaration.kind === 'declared') {
      const outcome = sliceInstance(declaration, group, node, context);
      if (outcome === undefined) continue;
      if ('id' in outcome) {
        if (!instances.has(outcome.id)) instances.set(outcome.id, outcome);
        else complaints.push(error(fieldOf(declaration, 'service'), twice(outcome)));
        continue;
      }
      complaints.push(...outcome);
    }
    const kept = keep(declaration, group);
    if (kept !== undefined) stale.push(kept);
  }
  return {
    object,
    instances: [...instances.values()],
    stale,
    problems: toProblems(object, complaints),
    services: declared.services,
  };
}

const twice = ({ service, port }: Instance): string =>
  `service ${quote(service)} on port ${port} is asked for twice; remove one`;

function declarationsFor(group: EndpointGroup, node: NodeFacts, context: DesiredContext): Declarations {
  const { service, pod, podName, members } = group;
  return describeDeclarations(
    { kind: 'Service', name: service.name, annotations: service.annotations },
    {
      podName,
      podNamespace: service.namespace,
      podLabels: pod?.labels ?? {},
      nodeName: node.name,
      nodeZone: node.zone || members[0].endpoint.zone,
      nodeRegion: node.region,
      clusterName: context.clusterName,
    },
    context.readList,
  );
}

function keep(declaration: Declaration | BrokenDeclaration, group: EndpointGroup): StaleSource | undefined {
  const { namespace, name } = group.service;
  const source = { namespace, podUid: group.podUid, kubeService: name };
  const kept = staleSource(source, declaration, conditionOf(group));
  // Without a uid the source is every such endpoint of the Service; one's health is not the others'.
  return kept !== undefined && group.podUid === '' ? { ...kept, check: undefined } : kept;
}

/** The instance, everything that is in its way, or undefined when it is drained away. */
function sliceInstance(
  declaration: Declaration,
  group: EndpointGroup,
  node: NodeFacts,
  context: DesiredContext,
): Instance | readonly Omit<Problem, 'object'>[] | undefined {
  const now = presenceOf(conditionOf(group), declaration);
  if (now.kind === 'deregistered') return undefined;
  const field = fieldOf(declaration, 'port');
  const { service, pod } = group;
  const target = resolveServicePort(declaration.port, service.ports);
  if ('refused' in target) {
    return [{ reason: 'InvalidAnnotation', field, message: target.refused, severity: 'error' }];
  }
  const reached = reach(group, target.value);
  if (reached === undefined) {
    const message = `no EndpointSlice has the port ${quote('name' in target.value ? target.value.name : '')} yet`;
    return [{ reason: 'RegistrationFailed', field, message, severity: 'error' }];
  }
  const { port, addresses: own } = reached;
  const [first, ...others] = chooseAddresses(declaration.address, { own, host: pod?.hostIps ?? [], node });
  if (first === undefined) {
    return [unreachable(declaration, noAddress(declaration, node, context))];
  }
  const reachedAt = reachedPort(declaration.address, port, pod);
  if ('refused' in reachedAt) return [unreachable(declaration, reachedAt.refused)];
  const portOf = (ref: PortRef): Read<number> => {
    const found = probePort(group, ref, port);
    return 'refused' in found ? found : reachedPort(declaration.address, found.value, pod);
  };
  const addresses = [first, ...others] as const;
  const probes = resolveProbes(declaration, { addresses, port: reachedAt.value, portOf }, context);
  if (!('checks' in probes)) return probes;
  return buildInstance({
    id: idOf(group, own[0]!, declaration.service, port),
    declaration,
    origin: {
      namespace: service.namespace,
      pod: group.podName,
      podUid: group.podUid,
      service: service.name,
      node: node.name,
      cluster: context.clusterName,
    },
    addresses,
    port: reachedAt.value,
    health: now.check,
    probes,
    options: context,
    pod,
  });
}

/** The same id as from the pod's own annotations, so that moving those about changes nothing in Consul. */
function idOf({ service, podName, podUid }: EndpointGroup, address: string, name: string, port: number) {
  const { namespace } = service;
  if (podUid === '') return endpointInstanceId({ namespace, service: service.name, address }, name, port);
  return podInstanceId({ namespace, name: podName, uid: podUid }, name, port);
}

/** The backend's port and its addresses there, the primary first; undefined when no slice has the port. */
function reach(
  { members, pod }: EndpointGroup,
  target: EndpointPort,
): { readonly port: number; readonly addresses: readonly string[] } | undefined {
  const candidates = members.flatMap(({ slice, endpoint }) => {
    const port =
      'number' in target ? target.number : slice.ports.find(({ name }) => name === target.name)?.port;
    return port === undefined || port < 1 || port > 65_535 ? [] : [{ port, address: endpoint.addresses[0]! }];
  });
  const [first] = candidates;
  if (first === undefined) return undefined;
  // While a Service changes its target port, a backend may be in an old and in a new slice.
  const addresses = new Set(
    candidates.filter(({ port }) => port === first.port).map(({ address }) => address),
  );
  const rank = (address: string): number => {
    const index = pod?.ips.indexOf(address) ?? -1;
    return index >= 0 ? index : isIpv6(address) ? 1_001 : 1_000;
  };
  return { port: first.port, addresses: [...addresses].sort((a, b) => rank(a) - rank(b)) };
}

/**
 * A port of the backend that a probe may connect to: a port of the Service by its name, or the number of a
 * port that a slice or the pod declares, or of the instance's own.
 */
function probePort(group: EndpointGroup, ref: PortRef, instancePort: number): Read<number> {
  const { service, pod, members } = group;
  if ('number' in ref) {
    const declared = [...members.flatMap(({ slice }) => slice.ports), ...(pod?.ports ?? [])];
    return ref.number === instancePort || declared.some(({ port }) => port === ref.number)
      ? { value: ref.number }
      : { refused: `port ${ref.number} is declared neither by an EndpointSlice nor by the pod` };
  }
  const target = resolveServicePort(ref, service.ports);
  if ('refused' in target) return target;
  const reached = reach(group, target.value);
  return reached === undefined
    ? { refused: `no EndpointSlice has the port ${quote(ref.name)} yet` }
    : { value: reached.port };
}

/**
 * The slices' conditions; where slices disagree, one is behind, and the better word counts. Whether the
 * pod is going is known from the pod first.
 */
function conditionOf({ members, pod }: EndpointGroup): Condition {
  const subject = pod === undefined ? 'Endpoint' : 'Pod';
  const terminating = pod?.deleting === true || members.every(({ endpoint }) => endpoint.terminating);
  // With `publishNotReadyAddresses` every endpoint is called ready; whether it is, `serving` says, and the pod.
  const isWell = pod === undefined || podHealth(pod).status === 'passing';
  const isReady =
    isWell && members.some(({ endpoint: { ready, serving } }) => serving && (ready || terminating));
  // Our own gate keeps the pod's Ready, and so the slice's, down until the instance is in Consul.
  const isHeldByUs = pod !== undefined && isGated(pod) && podHealth(pod).status === 'passing';
  if (isReady || isHeldByUs) {
    return { subject, terminating, health: { status: 'passing', output: `${subject} is ready` } };
  }
  const output = pod === undefined ? 'Endpoint is not ready' : notReadyReason(pod);
  return { subject, terminating, health: { status: 'critical', output } };
}
