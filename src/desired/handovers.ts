import type { HandedOver } from '../model/desired-node.ts';
import type { ServiceName } from '../model/keys.ts';
import { type Origin, originOf } from '../model/origin.ts';
import type { ServiceRecord } from '../model/service.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Declaration, HealthPolicy } from './declaration.ts';
import { type Health, podCondition, presenceOf } from './health.ts';
import { nodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import { ownServicePort, resolveServicePort } from './ports.ts';
import { readinessOf } from './readiness.ts';
import { declarationsOf, healthOf } from './service-instances.ts';
import { isReachedOnEveryNode, type Reach, reachOf } from './service-places.ts';

/** The fields of a registered instance that matter here. */
export interface Registered {
  readonly service: ServiceName;
  readonly meta: Readonly<Record<string, string>>;
}

/** An instance of a Service that is reached otherwise now, and where that is. */
export interface Handover extends HandedOver {
  /** Kubernetes nodes ('' = none) that take it over; undefined: all there are, and none. */
  readonly to: ReadonlySet<string> | undefined;
  /**
   * Whether it may go although nothing takes its place: without endpoints nothing is registered for them, and what
   * leads to them serves nothing. When a mistake is why nothing is registered, the instance stays.
   */
  readonly mayBeNone: boolean;
  /** Whether an instance is one of those that take it over. */
  readonly isSuccessor: (instance: Registered) => boolean;
}

/** Undefined: the instance is not wanted for another reason. */
export type Handovers = (instance: Registered, view: ClusterView) => Handover | undefined;

interface Asked extends HealthPolicy {
  readonly reach: Reach;
  /** Whether it can be registered by what has endpoints, once there are any. */
  readonly isOfEndpoints: boolean;
}

/**
 * When the annotation `address` of a Service changes, or what `auto` chooses, other instances take the place of those
 * that are registered, often under another node. This says of a registered instance, which is not wanted any more,
 * what takes its place: it stays until that is registered.
 */
export function createHandovers(context: DesiredContext): Handovers {
  const nowhere = nodeFacts('', undefined);
  const known = new WeakMap<ServiceRecord, ReadonlyMap<string, readonly Asked[]>>();
  const askedOf = (service: ServiceRecord) => {
    const last = known.get(service);
    if (last !== undefined) return last;
    const asked = new Map<string, Asked[]>();
    for (const outcome of declarationsOf(service, nowhere, context, () => true).outcomes) {
      if (outcome.address === undefined) continue;
      const { check, drain } = outcome;
      const name = outcome.service.toLowerCase();
      const reach = reachOf(outcome.address, service);
      const isOfEndpoints = outcome.kind === 'declared' && leadsToEndpoints(outcome, reach, service);
      asked.set(name, [...(asked.get(name) ?? []), { reach, check, drain, isOfEndpoints }]);
    }
    known.set(service, asked);
    return asked;
  };
  return (instance, view) => {
    const origin = originOf(instance.meta);
    const service = origin.service === '' ? undefined : view.service(origin.namespace, origin.service);
    if (service === undefined || service.deleting) return undefined;
    const asked = askedOf(service).get(instance.service.toLowerCase()) ?? [];
    const [first] = asked;
    if (first === undefined || asked.some(({ reach }) => reach === reachOfInstance(origin))) return undefined;
    const check = checkOf(origin, service, first, view);
    if (check === 'ended') return undefined;
    return {
      check,
      to: placesOf(asked, service, view),
      mayBeNone: asked.every(({ isOfEndpoints }) => isOfEndpoints),
      isSuccessor: (other) => {
        const there = originOf(other.meta);
        return (
          there.namespace === origin.namespace &&
          there.service === origin.service &&
          other.service.toLowerCase() === instance.service.toLowerCase() &&
          asked.some((each) => each.reach === reachOfInstance(there))
        );
      },
    };
  };
}

function leadsToEndpoints(declaration: Declaration, reach: Reach, { ports }: ServiceRecord): boolean {
  const { port, 'id-scheme': ids } = declaration;
  // Without a choice consul-k8s takes any port that is listed.
  if (reach === 'endpoints')
    return (ids === 'consul-k8s' && port === undefined) || 'value' in resolveServicePort(port, ports);
  const found = ownServicePort(port, ports);
  return reach === 'node-port' && 'value' in found && found.value.nodePort !== undefined;
}

const reachOfInstance = ({ reach }: Origin): string => (reach === '' ? 'endpoints' : reach);

/** The Kubernetes nodes with instances of any of what is asked for; undefined: all there are, and none. */
function placesOf(
  asked: readonly Asked[],
  service: ServiceRecord,
  view: ClusterView,
): ReadonlySet<string> | undefined {
  const places = new Set<string>();
  for (const { reach } of asked) {
    const ofReach = placesOfReach(reach, service, view);
    if (ofReach === undefined) return undefined;
    for (const place of ofReach) places.add(place);
  }
  return places;
}

/** The Kubernetes nodes with instances of this reach. */
function placesOfReach(
  reach: Reach,
  service: ServiceRecord,
  view: ClusterView,
): ReadonlySet<string> | undefined {
  if (reach !== 'endpoints' && reach !== 'node-port') return new Set(['']);
  if (reach === 'node-port' && isReachedOnEveryNode(service)) return undefined;
  const nodes = new Set<string>();
  for (const { endpoints } of view.slicesOfService(service.namespace, service.name))
    for (const { node } of endpoints) nodes.add(node);
  return nodes;
}

/** Its health while it stays; undefined when that is not known, or not wanted. `ended`: it has nothing to serve. */
function checkOf(
  { namespace, pod: name, podUid, reach }: Origin,
  service: ServiceRecord,
  policy: HealthPolicy,
  view: ClusterView,
): Health | undefined | 'ended' {
  if (podUid !== '') {
    const pod = view.pod(namespace, name);
    if (pod?.uid !== podUid) return 'ended';
    const presence = presenceOf(podCondition(pod), policy);
    return presence.kind === 'deregistered' ? 'ended' : presence.check;
  }
  if (reach === '' || policy.check === 'none') return undefined;
  const slices = [...view.slicesOfService(namespace, service.name)];
  return healthOf(service, readinessOf(slices.flatMap(({ endpoints }) => endpoints)));
}
