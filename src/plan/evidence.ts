import { terminatingOutput } from '../model/check.ts';
import type { EndpointSliceRecord } from '../model/endpoint-slice.ts';
import { originOf } from '../model/origin.ts';
import type { PodRecord } from '../model/pod.ts';
import type { ServiceRecord } from '../model/service.ts';
import type { ObservedCheck, ObservedInstance } from './observed.ts';
import { isOwnCheck } from './ownership.ts';

/**
 * Why an instance may go. The first five are *explanations*, found in what the cluster showed. The next three are
 * *proofs* that what is absent has ended. The others stand for an absence without either that was let through
 * nevertheless.
 *
 * - `terminating`     its pod was told to stop: it was seen with a deletionTimestamp
 * - `finished`        its pod completed or was evicted
 * - `replaced`        another object is there under its pod's name, and a name has one object
 * - `withdrawn`       what asked for it is there and does not ask any more: annotation, label, port, selector
 * - `service-deleted` the Service that asked for it was deleted
 * - `node-gone`       its pod is absent, and so is its Kubernetes node
 * - `address-reused`  its pod is absent, and its address belongs to another that runs
 * - `kubelet-told`    its pod is absent, and its node's kubelet has been in touch with the API server for a while since it
 *                     was missed: a kubelet ends every pod that the API server does not have
 * - `confirmed`       its object is absent, a consistent read says so too, and few are, or it was held for as long
 *                     as it may be
 * - `released`        a person released it
 */
export type Because =
  | 'terminating'
  | 'finished'
  | 'replaced'
  | 'withdrawn'
  | 'service-deleted'
  | Proof
  | 'confirmed'
  | 'released';

export type Proof = 'node-gone' | 'address-reused' | 'kubelet-told';

/**
 * Why an absence is not explained.
 *
 * - `deleted`   a DELETED event came, but the object was never seen ending. The API server marks a pod before
 *               it removes it, also one deleted with a grace period of 0; so it left the label selector, or
 *               somebody reached behind the API's back
 * - `unlisted`  a DELETED event came for the EndpointSlice that listed it, while the Service stays. Its
 *               controller may write another at once
 * - `lost`      it was there, and a relist did not show it any more
 * - `absent`    it is not there, and this process has never seen it: it went before the start
 * - `regressed` the history went backwards a short while ago: what is there, or is not, may be an old state
 */
export type Sign = 'deleted' | 'unlisted' | 'lost' | 'absent' | 'regressed';

/** The object whose absence, or changed mind, is in question. */
export type Subject =
  | { readonly kind: 'pod'; readonly namespace: string; readonly name: string; readonly uid: string }
  | { readonly kind: 'service'; readonly namespace: string; readonly name: string }
  | {
      readonly kind: 'endpoint';
      readonly namespace: string;
      readonly service: string;
      /** Uid of the pod behind it; empty when there is none, the address then tells. */
      readonly podUid: string;
      readonly address: string;
    };

export type Evidence =
  | { readonly kind: 'explained'; readonly because: Because }
  /** `subject` undefined: an outsider edited the instance so that nothing tells what it stood for. */
  | { readonly kind: 'unexplained'; readonly sign: Sign; readonly subject: Subject | undefined };

/** The cluster as it is known now. */
export interface EvidenceView {
  pod(namespace: string, name: string): PodRecord | undefined;
  service(namespace: string, name: string): ServiceRecord | undefined;
  slicesOfService(namespace: string, service: string): Iterable<EndpointSliceRecord>;
}

/**
 * How a pod went: it was seen ending, or ended; a DELETED event came without that; or a relist did not show it any
 * more.
 */
export type PodEnd = 'terminating' | 'finished' | 'deleted' | 'lost';

/** The pod an instance stands for; undefined when it is not there, or another of its name is. */
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
  /** How the pod of this uid went; undefined when it was never seen. */
  podEnd(uid: string): PodEnd | undefined;
  /** A DELETED event came for the Service. Services have no graceful end: that is how all of them go. */
  serviceDeleted(namespace: string, name: string): boolean;
  /** How the backend's slice went as a whole, while its Service stayed: by a DELETED event, or it was missing. */
  sliceEnd(namespace: string, service: string, backend: string): 'deleted' | 'lost' | undefined;
  /** The history went backwards a short while ago, or may have: a watch was lost and nothing compared since. */
  readonly regressed: boolean;
}

/** What an endpoint is called in Sightings: its pod's uid, or its address when there is no pod. */
export const backendOf = ({ podUid, address }: { podUid: string; address: string }): string =>
  podUid === '' ? address : podUid;

/**
 * Why an instance that is registered and not wanted is not wanted. Level-triggered: computed from the stores
 * as they are and from what was seen of objects that are gone, never from a queue of events. What was seen
 * ending before a restart of ours is known from Consul: its check says so. After the history went backwards
 * all of that may be of another history, until it is read a second time; what was seen since then is not.
 */
export function explainRemoval(
  instance: Pick<ObservedInstance, 'meta' | 'address' | 'checks'>,
  view: EvidenceView,
  seen: Sightings,
): Evidence {
  const { meta, address, checks } = instance;
  if (!seen.regressed && wasTerminating(checks)) return explained('terminating');
  const { namespace, pod: name, podUid, service } = originOf(meta);
  const pod = { kind: 'pod', namespace, name, uid: podUid } as const;
  if (service !== '')
    return ofEndpoint({ kind: 'endpoint', namespace, service, podUid, address }, pod, view, seen);
  if (podUid === '') return unexplained('absent', undefined);
  return ofPod(pod, view, seen) ?? withdrawn(pod, seen);
}

type PodSubject = Extract<Subject, { kind: 'pod' }>;
type EndpointSubject = Extract<Subject, { kind: 'endpoint' }>;

const explained = (because: Because): Evidence => ({ kind: 'explained', because });

const unexplained = (sign: Sign, subject: Subject | undefined): Evidence => ({
  kind: 'unexplained',
  sign,
  subject,
});

/** We saw it ending, and wrote that. */
export function wasTerminating(checks: ReadonlyMap<unknown, ObservedCheck>): boolean {
  const texts: readonly string[] = Object.values(terminatingOutput);
  for (const check of checks.values()) if (isOwnCheck(check) && texts.includes(check.output)) return true;
  return false;
}

/** The object is there and does not ask: a proof, unless it may be an older state of it. */
const withdrawn = (subject: Subject, { regressed }: Sightings): Evidence =>
  regressed ? unexplained('regressed', subject) : explained('withdrawn');

/** Undefined: the pod is there, and nothing says that it ends. */
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

function ofEndpoint(
  subject: EndpointSubject,
  behind: PodSubject,
  view: EvidenceView,
  seen: Sightings,
): Evidence {
  const { namespace, service: name, podUid } = subject;
  const service = view.service(namespace, name);
  const asking = { kind: 'service', namespace, name } as const;
  if (service?.deleting)
    return seen.regressed ? unexplained('regressed', asking) : explained('service-deleted');
  if (service === undefined && seen.serviceDeleted(namespace, name)) return explained('service-deleted');
  if (service !== undefined && Object.keys(service.annotations).length === 0) return withdrawn(asking, seen);

  const ofItsPod = podUid === '' ? undefined : ofPod(behind, view, seen);
  if (ofItsPod?.kind === 'explained') return ofItsPod;
  if (service === undefined) return unexplained('absent', asking);
  if (isListed(subject, view)) return withdrawn(subject, seen);
  if (ofItsPod !== undefined) return ofItsPod;
  // Slices that are there and do not list it are an answer; that there are none is not.
  const hasSlices = view.slicesOfService(namespace, name)[Symbol.iterator]().next().done !== true;
  const end = seen.sliceEnd(namespace, name, backendOf(subject));
  if (end === 'deleted') return unexplained('unlisted', subject);
  if (!hasSlices || end === 'lost') return unexplained('absent', subject);
  return withdrawn(subject, seen);
}

function isListed({ namespace, service, podUid, address }: EndpointSubject, view: EvidenceView): boolean {
  for (const slice of view.slicesOfService(namespace, service)) {
    for (const endpoint of slice.endpoints) {
      if (podUid === '' ? endpoint.addresses.includes(address) : endpoint.podUid === podUid) return true;
    }
  }
  return false;
}
