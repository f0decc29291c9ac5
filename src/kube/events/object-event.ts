import type { KubernetesObject } from '@kubernetes/client-node';
import { cutToBytes } from '../../lib/cut-to-bytes.ts';
import { visible } from '../../lib/visible.ts';
import type { ObjectRef } from '../../model/problem.ts';

/** A message for the owner of an object. `kubectl describe` shows it. */
export interface ObjectEvent {
  /** With its uid, so that an Event of one pod does not appear at the next pod of the same name. */
  readonly regarding: ObjectRef;
  readonly type: 'Normal' | 'Warning';
  /** A stable code in CamelCase. */
  readonly reason: string;
  /** What was done or tried, in CamelCase. */
  readonly action: string;
  /** For people. Characters with an effect are escaped, and it is cut at 1 KiB, the limit of the API. */
  readonly note: string;
}

/** How often it has happened, and when last. Absent when it has happened once. */
export interface EventSeries {
  readonly count: number;
  readonly lastObservedTime: string;
}

/** The written fields of an Event (events.k8s.io/v1). */
export interface KubeEvent extends KubernetesObject {
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly type: ObjectEvent['type'];
  readonly reason: string;
  readonly action: string;
  readonly note: string;
  readonly regarding: ObjectRef & { readonly apiVersion: string };
  readonly series?: EventSeries;
}

export const reportingController = 'kube-registrar.io/registrar';

const apiVersions: Readonly<Record<ObjectRef['kind'], string>> = {
  Pod: 'v1',
  Service: 'v1',
  Node: 'v1',
  Namespace: 'v1',
  EndpointSlice: 'discovery.k8s.io/v1',
  Ingress: 'networking.k8s.io/v1',
  Gateway: 'gateway.networking.k8s.io/v1',
  HTTPRoute: 'gateway.networking.k8s.io/v1',
  GRPCRoute: 'gateway.networking.k8s.io/v1',
  TLSRoute: 'gateway.networking.k8s.io/v1',
};

/** The namespace of an object's Events: that of the object, or `default` if it has none, by rule of the API. */
export const eventNamespace = ({ namespace }: ObjectRef): string =>
  namespace === '' ? 'default' : namespace;

export interface Occurrence {
  /** Of the Event object, unique in its namespace. */
  readonly name: string;
  readonly reportingInstance: string;
  readonly count: number;
  /** Wall-clock milliseconds. */
  readonly firstAt: number;
  readonly lastAt: number;
}

export function kubeEvent(event: ObjectEvent, { name, reportingInstance, ...times }: Occurrence): KubeEvent {
  const { regarding, type, reason, action, note } = event;
  const series = seriesOf(times);
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: eventNamespace(regarding) },
    eventTime: microTime(times.firstAt),
    reportingController,
    // The API takes at most 128 characters.
    reportingInstance: reportingInstance.slice(0, 128),
    type,
    reason,
    action,
    note: cutToBytes(visible(note), longestNote),
    regarding: { ...regarding, apiVersion: apiVersions[regarding.kind] },
    ...(series === undefined ? {} : { series }),
  };
}

/** Undefined when it happened once: the API refuses a series of one. */
export function seriesOf({ count, lastAt }: Pick<Occurrence, 'count' | 'lastAt'>): EventSeries | undefined {
  return count < 2 ? undefined : { count, lastObservedTime: microTime(lastAt) };
}

/** In bytes (NoteLengthLimit of the API server). */
const longestNote = 1024;

/** MicroTime of meta/v1: six digits after the point. */
const microTime = (wall: number): string => new Date(wall).toISOString().replace('Z', '000Z');
