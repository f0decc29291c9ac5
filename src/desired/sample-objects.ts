import type { GatewayListener, GatewayRecord, StatusCondition } from '../model/gateway.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { PodRecord } from '../model/pod.ts';
import type { RouteRecord } from '../model/route.ts';
import type { ServiceRecord } from '../model/service.ts';
import type { PortRef } from './values.ts';

/** Stands for every name that only a cluster gives. */
export const sampleName = 'sample';

/** A node that can be reached in every way. Addresses are of TEST-NET-1 (RFC 5737). */
export const sampleNode: KubeNodeRecord = {
  uid: sampleName,
  name: sampleName,
  resourceVersion: '1',
  internalIps: ['192.0.2.2'],
  externalIps: ['192.0.2.3'],
  ready: 'True',
  reason: '',
  message: '',
  zone: sampleName,
  region: sampleName,
};

type Given = 'namespace' | 'hostNetwork' | 'gates' | 'ports' | 'labels' | 'annotations';

/** A pod that runs on this node and is ready. */
export const samplePod = ({
  namespace,
  hostNetwork,
  gates,
  ports,
  labels,
  annotations,
}: Pick<PodRecord, Given>): PodRecord => ({
  uid: sampleName,
  name: sampleName,
  createdAt: 0,
  resourceVersion: '1',
  node: sampleName,
  ips: ['192.0.2.1'],
  hostIps: sampleNode.internalIps,
  phase: 'Running',
  deleting: false,
  ready: true,
  containersReady: true,
  reason: '',
  message: '',
  ...{ namespace, hostNetwork, gates, ports, labels, annotations },
});

/** A Service to which the cluster has given all that its type asks for. */
export function sampleService(service: ServiceRecord): ServiceRecord {
  const { type, clusterIPs, ports } = service;
  const hasNodePorts = type === 'NodePort' || type === 'LoadBalancer';
  return {
    ...service,
    clusterIPs: clusterIPs.length > 0 || type === 'ExternalName' ? clusterIPs : ['192.0.2.4'],
    loadBalancer: type === 'LoadBalancer' ? [{ host: '192.0.2.5', ipMode: 'VIP' }] : [],
    ports: hasNodePorts ? ports.map((port) => ({ nodePort: 30_000, ...port })) : ports,
  };
}

/** Every label that placeholders in these annotations ask for. */
export function sampleLabels(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const texts = Object.values(annotations).join('\n');
  const labels = [...texts.matchAll(/\{pod\.label\.([^{}]+)/g)].map(([, label = '']) => [label, sampleName]);
  return Object.fromEntries(labels);
}

const sampleAddress = '192.0.2.4';

/** A route with an address, which every Gateway that it names has accepted. */
export const sampleRoute = (route: RouteRecord): RouteRecord => ({
  ...route,
  deleting: false,
  addresses: route.kind === 'Ingress' ? [sampleAddress] : [],
  // Its listeners are not known, so all of those of the sample are meant.
  parents: route.parents.map((parent) => ({ ...parent, listener: '', port: 0, accepted: true, message: '' })),
});

const isTrue: StatusCondition = { status: 'True', reason: '', message: '' };

/** A Gateway with a listener on port 443 and one for each port that is asked for: which it has, no manifest says. */
export function sampleGateway({ kind }: RouteRecord, ports: readonly PortRef[]): GatewayRecord {
  const listener = (name: string, port: number): GatewayListener => ({
    name,
    port,
    hostname: '',
    protocol: kind === 'TLSRoute' ? 'TLS' : 'HTTPS',
    ownNamespaceOnly: false,
    kinds: [],
    programmed: isTrue,
  });
  return {
    uid: sampleName,
    namespace: sampleName,
    name: sampleName,
    resourceVersion: '1',
    deleting: false,
    addresses: [sampleAddress],
    listeners: [
      listener(sampleName, 443),
      ...ports.map((ref) => ('name' in ref ? listener(ref.name, 443) : listener(sampleName, ref.number))),
    ],
    accepted: isTrue,
    programmed: isTrue,
  };
}
