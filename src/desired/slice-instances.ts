import type { ObjectRef } from '../model/problem.ts';
import { additionsOf } from './additions.ts';
import { isIpv6 } from './addresses.ts';
import type { Declaration } from './declaration.ts';
import { describeDeclarations } from './declarations.ts';
import { badPort, declaredInstances, notServed, type Served } from './declared-instances.ts';
import type { EndpointGroup } from './endpoint-groups.ts';
import { endpointServing } from './endpoint-serving.ts';
import { withEveryPort } from './every-port.ts';
import { type Condition, type Health, isFinished, isGated, notReadyReason, podHealth } from './health.ts';
import { endpointInstanceId, podInstanceId } from './identity.ts';
import { quote, type Read } from './mistake.ts';
import type { NodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import type { Placeholders } from './placeholders.ts';
import { type EndpointPort, resolveServicePort } from './ports.ts';
import { isSwitchedOff } from './read-annotations.ts';
import { reachOf } from './service-places.ts';
import { byDefault, isUnknown, nothing, type SourceResult } from './source.ts';
import type { PortRef } from './values.ts';

/**
 * The instances that a Service's annotations ask for at one of its backends, without the services that the pod's own
 * annotations declare (`own`).
 */
export function sliceInstances(
  group: EndpointGroup,
  own: ReadonlySet<string>,
  node: NodeFacts,
  context: DesiredContext,
): SourceResult {
  const { service, pod } = group;
  // The slice is behind: a finished pod will never serve again.
  if (pod !== undefined && (isFinished(pod) || isSwitchedOff(pod.annotations))) return nothing;
  const { namespace, name, uid } = service;
  const object: ObjectRef = { kind: 'Service', namespace, name, uid };
  const places = placeholdersOf(group, node, context);
  const described = describeDeclarations(
    { kind: 'Service', name, annotations: service.annotations, scope: service.scope },
    places,
    context,
    ({ address }) => address === undefined || reachOf(address, service) === 'endpoints',
  );
  const declared = withEveryPort(described, service.ports, 'the Service');
  const outcomes = declared.outcomes.filter((each) => !own.has(each.service.toLowerCase()));
  const backend = {
    object,
    origin: {
      namespace,
      pod: group.podName,
      podUid: group.podUid,
      service: name,
      byDefault: byDefault(service),
    },
    isKept: isUnknown(service),
    condition: conditionOf(group),
    pod,
    places,
    // Of a label that both have, the Service's counts: it asks for the instance.
    additions: additionsOf(places, () => ({ ...pod?.labels, ...service.labels }), context),
    serving: (declaration: Declaration) => serving(declaration, group, node, context),
  };
  const found = declaredInstances({ ...declared, outcomes }, backend, node, context);
  if (group.podUid !== '') return found;
  // Without a uid every such endpoint of the Service is one source; the health of one is not that of the others.
  return { ...found, stale: found.stale.map((kept) => ({ ...kept, check: undefined })) };
}

const placeholdersOf = (
  { service, pod, podName, members }: EndpointGroup,
  node: NodeFacts,
  { clusterName }: DesiredContext,
): Placeholders => ({
  podName,
  podNamespace: service.namespace,
  podLabels: pod?.labels ?? {},
  nodeName: node.name,
  nodeZone: node.zone || members[0].endpoint.zone,
  nodeRegion: node.region,
  clusterName,
});

/** Where the backend serves a declaration, or why it does not. */
function serving(
  declaration: Declaration,
  group: EndpointGroup,
  node: NodeFacts,
  context: DesiredContext,
): Served {
  const { service, pod } = group;
  const target = firstListed(declaration, group) ?? resolveServicePort(declaration.port, service.ports);
  if ('refused' in target) return notServed(badPort(declaration, target.refused));
  const reached = reach(group, target.value);
  if (reached === undefined) {
    const message = `no EndpointSlice has the port ${quote('name' in target.value ? target.value.name : '')} yet`;
    return notServed(badPort(declaration, message, 'RegistrationFailed'));
  }
  const { port, addresses } = reached;
  const own = {
    id: idOf(group, addresses[0]!, declaration.service, port),
    addresses,
    port,
    declaredPort: (ref: PortRef) => probePort(group, ref, port),
  };
  return endpointServing(declaration, own, pod, node, context);
}

/**
 * Without a choice, consul-k8s registers the port that the EndpointSlice lists first. Kubernetes sorts them by a hash,
 * so it is any of them, and always the same.
 */
function firstListed(declaration: Declaration, { members }: EndpointGroup): Read<EndpointPort> | undefined {
  const [first] = members[0].slice.ports;
  if (declaration['id-scheme'] !== 'consul-k8s' || declaration.port !== undefined) return undefined;
  return first === undefined ? undefined : { value: { name: first.name } };
}

/** The same id as from the pod's own annotations, so that moving annotations between the two changes nothing in Consul. */
function idOf({ service, podName, podUid }: EndpointGroup, address: string, name: string, port: number) {
  const { namespace } = service;
  if (podUid === '') return endpointInstanceId({ namespace, service: service.name, address }, name, port);
  return podInstanceId({ namespace, name: podName, uid: podUid }, name, port);
}

/** The backend's port and its addresses, the primary first; undefined when no slice has the port. */
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
 * A port of the backend that a probe may connect to: a port of the Service by its name, or by number a port that a
 * slice or the pod declares or that the instance has.
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
 * The condition that the slices show. Where slices disagree, one is behind, and the better condition counts. Whether
 * the pod is terminating is known from the pod first.
 */
function conditionOf({ members, pod }: EndpointGroup): Condition {
  const subject = pod === undefined ? 'Endpoint' : 'Pod';
  const terminating = pod?.deleting === true || members.every(({ endpoint }) => endpoint.terminating);
  // With `publishNotReadyAddresses` every endpoint is marked ready; `serving` and the pod show whether it is.
  const own: Health = pod ? podHealth(pod) : { status: 'passing', output: 'Endpoint is ready' };
  const isReady = members.some(({ endpoint: { ready, serving } }) => serving && (ready || terminating));
  // Our own gate keeps the pod, and so its slice, from being ready until the instance is in Consul.
  const isHeldByUs = pod !== undefined && isGated(pod);
  if (isReady || isHeldByUs) return { subject, terminating, health: own };
  const output = pod === undefined ? 'Endpoint is not ready' : notReadyReason(pod);
  return { subject, terminating, health: { status: 'critical', output } };
}
