import { terminatingOutput } from '../model/check.ts';
import type { EndpointSliceRecord } from '../model/endpoint-slice.ts';
import type { GatewayRecord } from '../model/gateway.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import { type Origin, originOf } from '../model/origin.ts';
import type { PodRecord } from '../model/pod.ts';
import { parseRoute, type RouteKind, type RouteRecord, type RouteRef } from '../model/route.ts';
import { asksItself } from '../model/scope.ts';
import type { ServiceRecord } from '../model/service.ts';
import type { ObservedCheck, ObservedInstance } from './observed.ts';
import { isOwnCheck } from './ownership.ts';

/**
 * Why an instance may be removed. The first seven are *explanations*: the cluster showed them. The next three are
 * *proofs* that an absent object has ended. The last two let an absence through that has neither.
 *
 * - `terminating`     its pod is terminating: it was seen with a deletionTimestamp
 * - `finished`        its pod completed or was evicted
 * - `replaced`        another object is there under its pod's name, and a name has one object
 * - `withdrawn`       the object that asked for it is there and does not ask any more: annotation, label, port,
 *                     selector
 * - `service-deleted` the Service that asked for it was deleted
 * - `route-deleted`   the Ingress or route that asked for it was deleted
 * - `gateway-deleted` the Gateway whose address it has was deleted
 * - `node-gone`       its Kubernetes node is absent, and so is its pod if it has one
 * - `address-reused`  its pod is absent, and its address belongs to another that runs
 * - `kubelet-reported` its pod is absent, and its node's kubelet has been in touch with the API server for a while
 *                     since then: a kubelet ends every pod that the API server does not have
 * - `confirmed`       its object is absent by a consistent read too, and either few are absent or it was held for the
 *                     longest time
 * - `released`        a person released it
 */
export type Because =
  | 'terminating'
  | 'finished'
  | 'replaced'
  | 'withdrawn'
  | 'service-deleted'
  | 'route-deleted'
  | 'gateway-deleted'
  | Proof
  | 'confirmed'
  | 'released';

export type Proof = 'node-gone' | 'address-reused' | 'kubelet-reported';

/**
 * Why an absence is not explained.
 *
 * - `deleted`   a DELETED event came, but the object was never seen terminating. The API server marks a pod before it
 *               removes it, also with a grace period of 0; so the pod left the label selector, or somebody bypassed
 *               the API
 * - `unlisted`  a DELETED event came for the EndpointSlice that listed it, while the Service stays. The controller
 *               may write another slice at once
 * - `unassigned` its Service, Ingress or route is there, and no status gives it the address any more: that of the Service's
 *               load balancer, of the Ingress, of a Gateway that accepts the route. Its controller took it away, or
 *               lost the status of all
 * - `lost`      it was there, and a relist did not show it
 * - `absent`    it is not there, and this process has never seen it: it was gone before the start
 * - `regressed` the history went backwards a short while ago, so the present state may be an old one
 * - `left-out`  it is there, and the configuration leaves it out: its namespace, or objects that do not ask themselves.
 *               A mistake in the configuration does that to everything at once
 */
export type Sign = 'deleted' | 'unlisted' | 'unassigned' | 'lost' | 'absent' | 'regressed' | 'left-out';

/** The object whose absence, or changed annotations, must be verified. */
export type Subject =
  | { readonly kind: 'pod'; readonly namespace: string; readonly name: string; readonly uid: string }
  | { readonly kind: 'service'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'node'; readonly namespace: ''; readonly name: string }
  | ({ readonly kind: 'route'; readonly route: RouteKind } & Omit<RouteRef, 'kind'>)
  | {
      readonly kind: 'endpoint';
      readonly namespace: string;
      readonly service: string;
      /** Uid of the pod behind it; empty when there is none, the address then identifies it. */
      readonly podUid: string;
      readonly address: string;
    };

export type Evidence =
  | { readonly kind: 'explained'; readonly because: Because }
  /** `subject` is undefined when an outsider edited the instance so that its origin is unknown. */
  | { readonly kind: 'unexplained'; readonly sign: Sign; readonly subject: Subject | undefined };

/** The cluster as it is now. */
export interface EvidenceView {
  pod(namespace: string, name: string): PodRecord | undefined;
  service(namespace: string, name: string): ServiceRecord | undefined;
  kubeNode(name: string): KubeNodeRecord | undefined;
  slicesOfService(namespace: string, service: string): Iterable<EndpointSliceRecord>;
  route(ref: RouteRef): RouteRecord | undefined;
  gateway(namespace: string, name: string): GatewayRecord | undefined;
}

/**
 * How a pod ended: it was seen terminating or finished, a DELETED event came without that, or a relist did not show
 * it.
 */
export type PodEnd = 'terminating' | 'finished' | 'deleted' | 'lost';

/** An instance's pod; undefined when it is gone, or another pod has its name. */
export function podOf(
  { meta }: Pick<ObservedInstance, 'meta'>,
  view: Pick<EvidenceView, 'pod'>,
): PodRecord | undefined {
  const { namespace, pod: name, podUid } = originOf(meta);
  const pod = view.pod(namespace, name);
  return pod?.uid === podUid ? pod : undefined;
}

/** What was seen of objects that are gone. */
export interface Sightings {
  /** How the pod with this uid ended; undefined when it was never seen. */
  podEnd(uid: string): PodEnd | undefined;
  /** A DELETED event came for the Service. Services have no graceful end, so this is how every one ends. */
  serviceDeleted(namespace: string, name: string): boolean;
  /** The namespace was seen with the labels that the configuration asks for, and then without them. */
  namespaceLeft(namespace: string): boolean;
  /** The same of an Ingress, a route or a Gateway. */
  routeDeleted(kind: RouteKind | 'Gateway', namespace: string, name: string): boolean;
  /** How the backend's slice ended as a whole while its Service stayed: by a DELETED event, or missing from a list. */
  sliceEnd(namespace: string, service: string, backend: string): 'deleted' | 'lost' | undefined;
  /** The history went backwards a short while ago, or may have: a watch was lost and nothing has been compared since. */
  readonly regressed: boolean;
}

/** The key of an endpoint in Sightings: its pod's uid, or its address when there is no pod. */
export const backendOf = ({ podUid, address }: { podUid: string; address: string }): string =>
  podUid === '' ? address : podUid;

/**
 * Why a registered instance is not wanted. Level-triggered: the answer comes from the stores as they are and from
 * what was seen of objects that are gone, never from a queue of events. A pod that was seen terminating before a
 * restart is known by its check in Consul. After the history went backwards, everything seen before is in doubt until
 * it is read again; what was seen since is not.
 */
export function explainRemoval(
  instance: Pick<ObservedInstance, 'meta' | 'address' | 'checks'>,
  view: EvidenceView,
  seen: Sightings,
): Evidence {
  const { meta, address, checks } = instance;
  if (!seen.regressed && wasTerminating(checks)) return explained('terminating');
  const origin = originOf(meta);
  const { namespace, pod: name, podUid, service } = origin;
  if (origin.reach !== '') return ofWhole(origin, address, view, seen);
  const asking = parseRoute(origin.route);
  if (asking !== undefined) return ofRoute({ ...asking, namespace }, origin.gateway, address, view, seen);
  const pod = { kind: 'pod', namespace, name, uid: podUid } as const;
  if (service !== '')
    return ofEndpoint(
      { kind: 'endpoint', namespace, service, podUid, address },
      pod,
      origin.byDefault,
      view,
      seen,
    );
  if (podUid === '') return unexplained('absent', undefined);
  return (
    ofPod(pod, view, seen) ??
    leftOut(view.pod(namespace, name), pod, origin.byDefault, seen) ??
    withdrawn(pod, seen)
  );
}

type PodSubject = Extract<Subject, { kind: 'pod' }>;
type ServiceSubject = Extract<Subject, { kind: 'service' }>;
type EndpointSubject = Extract<Subject, { kind: 'endpoint' }>;

const explained = (because: Because): Evidence => ({ kind: 'explained', because });

const unexplained = (sign: Sign, subject: Subject | undefined): Evidence => ({
  kind: 'unexplained',
  sign,
  subject,
});

/** Whether the instance was seen terminating: its check in Consul says so. */
export function wasTerminating(checks: ReadonlyMap<unknown, ObservedCheck>): boolean {
  const texts: readonly string[] = Object.values(terminatingOutput);
  for (const check of checks.values()) if (isOwnCheck(check) && texts.includes(check.output)) return true;
  return false;
}

/** The object is there and does not ask. That is an explanation, unless its state may be an old one. */
const withdrawn = (subject: Subject, { regressed }: Sightings): Evidence =>
  regressed ? unexplained('regressed', subject) : explained('withdrawn');

/**
 * The object is there, and it is not its owner who does not want it registered any more. Undefined when it is, or when
 * the namespace was seen to lose its labels, which explains it.
 */
function leftOut(
  object: Pick<ServiceRecord, 'annotations' | 'scope'> | undefined,
  subject: Subject,
  byDefault: string,
  seen: Sightings,
): Evidence | undefined {
  if (object === undefined || seen.namespaceLeft(subject.namespace)) return undefined;
  const wasByDefault = byDefault !== '' && !asksItself(object.annotations);
  return wasByDefault || object.scope?.outside !== undefined ? unexplained('left-out', subject) : undefined;
}

/** Undefined when the pod is there and does not end. */
function ofPod(subject: PodSubject, view: EvidenceView, seen: Sightings): Evidence | undefined {
  const pod = view.pod(subject.namespace, subject.name);
  if (pod?.uid === subject.uid) {
    const isFinished = pod.phase === 'Succeeded' || pod.phase === 'Failed';
    if (!pod.deleting && !isFinished) return undefined;
    if (seen.regressed) return unexplained('regressed', subject);
    return explained(pod.deleting ? 'terminating' : 'finished');
  }
  const end = seen.podEnd(subject.uid);
  if (end === 'terminating' || end === 'finished') return explained(end);
  if (pod !== undefined) return seen.regressed ? unexplained('regressed', subject) : explained('replaced');
  return unexplained(end ?? 'absent', subject);
}

/** Why nothing of the Service is wanted; undefined when it asks. */
function ofService(
  asking: ServiceSubject,
  byDefault: string,
  view: EvidenceView,
  seen: Sightings,
): Evidence | undefined {
  const { namespace, name } = asking;
  const service = view.service(namespace, name);
  if (service?.deleting)
    return seen.regressed ? unexplained('regressed', asking) : explained('service-deleted');
  if (service === undefined && seen.serviceDeleted(namespace, name)) return explained('service-deleted');
  const isLeftOut = leftOut(service, asking, byDefault, seen);
  if (isLeftOut !== undefined) return isLeftOut;
  if (service !== undefined && Object.keys(service.annotations).length === 0) return withdrawn(asking, seen);
  return undefined;
}

/** What a Service is reached by as a whole. */
function ofWhole(
  { namespace, service: name, reach, node, byDefault }: Origin,
  address: string,
  view: EvidenceView,
  seen: Sightings,
): Evidence {
  const asking = { kind: 'service', namespace, name } as const;
  const itself = ofService(asking, byDefault, view, seen);
  if (itself !== undefined) return itself;
  const service = view.service(namespace, name);
  if (service === undefined) return unexplained('absent', asking);
  // Its spec is the word of its owner, its status that of a controller.
  const isAssigned = service.loadBalancer.some(({ host }) => host.toLowerCase() === address);
  if (reach === 'load-balancer' && service.type === 'LoadBalancer' && !isAssigned)
    return unexplained('unassigned', asking);
  if (reach === 'node-port') {
    if (view.kubeNode(node) === undefined)
      return unexplained('absent', { kind: 'node', namespace: '', name: node });
    // Existing slices show which nodes have endpoints; missing slices do not.
    if (!hasSlices(asking, view)) return unexplained('absent', asking);
  }
  return withdrawn(asking, seen);
}

function ofEndpoint(
  subject: EndpointSubject,
  behind: PodSubject,
  byDefault: string,
  view: EvidenceView,
  seen: Sightings,
): Evidence {
  const { namespace, service: name, podUid } = subject;
  const service = view.service(namespace, name);
  const asking = { kind: 'service', namespace, name } as const;
  const itself = ofService(asking, byDefault, view, seen);
  const ofItsPod = podUid === '' ? undefined : ofPod(behind, view, seen);
  if (itself?.kind === 'explained' || (itself?.kind === 'unexplained' && itself.sign !== 'left-out'))
    return itself;
  if (ofItsPod?.kind === 'explained') return ofItsPod;
  if (itself !== undefined) return itself;
  if (service === undefined) return unexplained('absent', asking);
  // Its Service is reached otherwise now, or its pod asks for itself.
  if (isListed(subject, view)) return withdrawn(asksAlone(behind, view) ? behind : asking, seen);
  if (ofItsPod !== undefined) return ofItsPod;
  // Existing slices that do not list it prove something; missing slices do not.
  const end = seen.sliceEnd(namespace, name, backendOf(subject));
  if (end === 'deleted') return unexplained('unlisted', subject);
  if (!hasSlices(asking, view) || end === 'lost') return unexplained('absent', subject);
  return withdrawn(subject, seen);
}

const hasSlices = ({ namespace, name }: ServiceSubject, view: EvidenceView): boolean =>
  view.slicesOfService(namespace, name)[Symbol.iterator]().next().done !== true;

/** `gateway`: the Gateway whose address the instance has, `infra/edge`; empty for an Ingress. */
function ofRoute(
  ref: RouteRef,
  gateway: string,
  address: string,
  view: EvidenceView,
  seen: Sightings,
): Evidence {
  const { kind, namespace, name } = ref;
  const subject = { kind: 'route', route: kind, namespace, name } as const;
  const route = view.route(ref);
  if (route === undefined) {
    return seen.routeDeleted(kind, namespace, name)
      ? explained('route-deleted')
      : unexplained('absent', subject);
  }
  if (seen.regressed) return unexplained('regressed', subject);
  if (route.deleting) return explained('route-deleted');
  const isLeftOut = leftOut(route, subject, '', seen);
  if (isLeftOut !== undefined) return isLeftOut;
  if (Object.keys(route.annotations).length === 0) return explained('withdrawn');
  const [where = '', which = ''] = gateway.split('/');
  if (
    gateway !== '' &&
    view.gateway(where, which) === undefined &&
    seen.routeDeleted('Gateway', where, which)
  ) {
    return explained('gateway-deleted');
  }
  return isTakenAway(route, gateway, address, view)
    ? unexplained('unassigned', subject)
    : explained('withdrawn');
}

/** Whether a status alone says that the address does not lead to the route: its own, or that of this Gateway. */
function isTakenAway(
  { kind, addresses, parents }: RouteRecord,
  gateway: string,
  address: string,
  view: Pick<EvidenceView, 'gateway'>,
): boolean {
  const has = (list: readonly string[] = []) => list.some((each) => each.toLowerCase() === address);
  if (kind === 'Ingress') return !has(addresses);
  const named = parents.filter(({ namespace, name }) => `${namespace}/${name}` === gateway);
  const isReached = named.some(
    ({ accepted, namespace, name }) => accepted && has(view.gateway(namespace, name)?.addresses),
  );
  return named.length > 0 && !isReached;
}

const asksAlone = ({ namespace, name }: PodSubject, view: EvidenceView): boolean =>
  Object.keys(view.pod(namespace, name)?.annotations ?? {}).length > 0;

function isListed({ namespace, service, podUid, address }: EndpointSubject, view: EvidenceView): boolean {
  for (const slice of view.slicesOfService(namespace, service)) {
    for (const endpoint of slice.endpoints) {
      if (podUid === '' ? endpoint.addresses.includes(address) : endpoint.podUid === podUid) return true;
    }
  }
  return false;
}
