import type { EndpointSliceRecord } from '../model/endpoint-slice.ts';
import type { PodRecord } from '../model/pod.ts';
import type { Problem } from '../model/problem.ts';
import type { ServiceRecord } from '../model/service.ts';
import { nodeFacts } from './node-facts.ts';
import { nodePortInstances } from './node-port-instances.ts';
import type { DesiredContext } from './options.ts';
import { sampleLabels, sampleName, sampleNode, samplePod } from './sample-objects.ts';
import { isReachedAsWhole } from './service-places.ts';
import { sliceInstances } from './slice-instances.ts';

const facts = nodeFacts(sampleName, sampleNode);

/**
 * The problems in the annotations of a Service without endpoints, found with an imaginary endpoint that has every
 * label and port they ask for and can be reached in every way. Without this, their author would learn of a mistake
 * only when the first pod appears.
 */
export function unreachedService(service: ServiceRecord, context: DesiredContext): readonly Problem[] {
  if (service.deleting) return [];
  const pod = podFor(service);
  const endpoint = {
    addresses: pod.ips,
    node: sampleName,
    zone: sampleName,
    ready: true,
    serving: true,
    terminating: false,
    podName: sampleName,
    podUid: sampleName,
  };
  const slice: EndpointSliceRecord = {
    uid: sampleName,
    namespace: service.namespace,
    name: sampleName,
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
    podName: sampleName,
    podUid: sampleName,
    members: [{ slice, endpoint }],
  } as const;
  const { problems } = sliceInstances(group, new Set(), facts, context);
  if (!isReachedAsWhole(service)) return problems;
  const readiness = { here: 'ready', everywhere: 'ready' } as const;
  const ofNodePort = nodePortInstances(service, readiness, facts, context);
  return [...problems, ...ofNodePort.flatMap((result) => result.problems)];
}

function podFor({ namespace, annotations, scope }: ServiceRecord): PodRecord {
  const texts = Object.values({ ...scope?.defaults, ...annotations }).join('\n');
  const ports = [...texts.matchAll(/\b\d{1,5}\b/g)].map(([port]) => ({
    name: '',
    port: Number(port),
    protocol: 'TCP',
  }));
  return samplePod({
    namespace,
    hostNetwork: true,
    gates: [],
    ports,
    labels: sampleLabels({ ...scope?.defaults, ...annotations }),
    annotations: {},
  });
}
