import { clusterUid } from '../model/keys.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { PodRecord } from '../model/pod.ts';
import type { Problem } from '../model/problem.ts';
import type { ServiceRecord } from '../model/service.ts';
import type { ClusterView } from './cluster-view.ts';
import { desiredNode } from './desired.ts';
import type { DesiredOptions } from './options.ts';

/** The rules of the configuration for what an object may ask for. */
export type DeclarationRules = Pick<DesiredOptions, 'claims' | 'tagRules' | 'metaRules' | 'probeHosts'>;

export type DeclaringObject =
  | { readonly kind: 'Pod'; readonly pod: PodRecord }
  | { readonly kind: 'Service'; readonly service: ServiceRecord };

/**
 * What would be wrong with an object like this one if it ran and were ready. Names and addresses that only a
 * cluster gives are made up.
 */
export function checkDeclaration(object: DeclaringObject, rules: DeclarationRules): readonly Problem[] {
  const options = {
    clusterName: 'cluster',
    clusterUid: clusterUid('uid'),
    namespaced: false,
    ...rules,
  };
  // A Service without endpoints belongs to no node.
  return desiredNode(object.kind === 'Pod' ? madeUp : '', viewOf(object), options).problems;
}

/** Stands for the names that the cluster gives. */
const madeUp = 'made-up';
const address = '192.0.2.1'; // TEST-NET-1, RFC 5737

const node: KubeNodeRecord = {
  uid: madeUp,
  name: madeUp,
  resourceVersion: '1',
  internalIps: ['192.0.2.2'],
  externalIps: ['192.0.2.3'],
  ready: 'True',
  reason: '',
  message: '',
  zone: 'zone',
  region: 'region',
};

function viewOf(object: DeclaringObject): ClusterView {
  const pods = object.kind === 'Pod' ? [running(object.pod)] : [];
  const services = object.kind === 'Service' ? [object.service] : [];
  return {
    kubeNode: () => node,
    pod: (_namespace, name) => pods.find((pod) => pod.name === name),
    departedPod: () => undefined,
    podsOnNode: () => pods,
    service: () => undefined,
    endpointsOnNode: () => [],
    unreachedServices: () => services,
  };
}

/** The pod as it will be. */
function running(pod: PodRecord): PodRecord {
  const { namespace, hostNetwork, gates, ports, labels, annotations } = pod;
  return {
    uid: madeUp,
    namespace,
    name: madeUp,
    createdAt: 0,
    resourceVersion: '1',
    node: madeUp,
    ips: [address],
    hostIps: node.internalIps,
    hostNetwork,
    phase: 'Running',
    deleting: false,
    ready: true,
    containersReady: true,
    reason: '',
    message: '',
    gates,
    ports,
    labels,
    annotations,
  };
}
