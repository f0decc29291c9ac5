import type { EndpointSliceRecord } from '../model/endpoint-slice.ts';
import type { PodRecord } from '../model/pod.ts';
import type { Problem } from '../model/problem.ts';
import type { ServiceRecord } from '../model/service.ts';
import { nodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import { sliceInstances } from './slice-instances.ts';

/** Stands for the names that the cluster gives. */
const sample = 'sample';
const address = '192.0.2.1'; // TEST-NET-1, RFC 5737

const facts = nodeFacts(sample, {
  uid: sample,
  name: sample,
  resourceVersion: '1',
  internalIps: ['192.0.2.2'],
  externalIps: ['192.0.2.3'],
  ready: 'True',
  reason: '',
  message: '',
  zone: sample,
  region: sample,
});

/**
 * What is wrong with the annotations of a Service that has no endpoints: what would be said of one that has
 * every label and port that they ask for, and can be reached in every way. Whoever wrote them would otherwise
 * hear of it when the first pod is there, or never.
 */
export function unreachedService(service: ServiceRecord, context: DesiredContext): readonly Problem[] {
  if (service.deleting) return [];
  const pod = podFor(service);
  const endpoint = {
    addresses: pod.ips,
    node: sample,
    zone: sample,
    ready: true,
    serving: true,
    terminating: false,
    podName: sample,
    podUid: sample,
  };
  const slice: EndpointSliceRecord = {
    uid: sample,
    namespace: service.namespace,
    name: sample,
    resourceVersion: '1',
    service: service.name,
    addressType: 'IPv4',
    ports: service.ports,
    endpoints: [endpoint],
  };
  const group = {
    key: '',
    service,
    pod,
    podName: sample,
    podUid: sample,
    members: [{ slice, endpoint }],
  } as const;
  return sliceInstances(group, new Set(), facts, context).problems;
}

function podFor({ namespace, annotations }: ServiceRecord): PodRecord {
  const texts = Object.values(annotations).join('\n');
  const labels = [...texts.matchAll(/\{pod\.label\.([^{}]+)/g)].map(([, label = '']) => [label, sample]);
  const ports = [...texts.matchAll(/\b\d{1,5}\b/g)].map(([port]) => ({
    name: '',
    port: Number(port),
    protocol: 'TCP',
  }));
  return {
    uid: sample,
    namespace,
    name: sample,
    createdAt: 0,
    resourceVersion: '1',
    node: sample,
    ips: [address],
    hostIps: facts.internalIps,
    hostNetwork: true,
    phase: 'Running',
    deleting: false,
    ready: true,
    containersReady: true,
    reason: '',
    message: '',
    gates: [],
    ports,
    labels: Object.fromEntries(labels),
    annotations: {},
  };
}
