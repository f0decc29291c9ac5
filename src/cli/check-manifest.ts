import type { ClusterView } from '../desired/cluster-view.ts';
import { desiredNode } from '../desired/desired.ts';
import type { DesiredOptions } from '../desired/options.ts';
import { InternPool } from '../kube/store/intern-pool.ts';
import { podProjection } from '../kube/store/project-pod.ts';
import { serviceProjection } from '../kube/store/project-service.ts';
import { clusterUid } from '../model/keys.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { PodRecord } from '../model/pod.ts';
import type { Manifest } from './manifests.ts';

export interface CheckOptions
  extends Pick<DesiredOptions, 'claims' | 'tagRules' | 'metaRules' | 'probeHosts'> {
  /** With its slash: `kube-registrar.io/`. */
  readonly prefix: string;
}

/** Something wrong with what a manifest asks for. */
export interface ManifestMistake {
  readonly line: number;
  readonly column: number;
  readonly severity: 'error' | 'warning';
  /** Without the prefix; empty when none is to blame. */
  readonly field: string;
  readonly message: string;
}

/**
 * What the operator would say of an object like this one if it ran and were ready: the same code answers, with
 * made-up names and addresses in the place of those the cluster gives.
 */
export function checkManifest(manifest: Manifest, { prefix, ...rules }: CheckOptions): ManifestMistake[] {
  const own = manifest.annotations.filter(({ key }) => key.startsWith(prefix));
  if (own.length === 0) return [];
  const mistakes: ManifestMistake[] = own
    .filter(({ value }) => typeof value !== 'string')
    .map(({ key, line, column }) => ({
      line,
      column,
      severity: 'error',
      field: key.slice(prefix.length),
      message: 'Kubernetes takes text only; put the value in quotes',
    }));
  if (mistakes.length > 0) return mistakes;
  const options = {
    clusterName: 'cluster',
    clusterUid: clusterUid('uid'),
    namespaced: false,
    ...rules,
  };
  try {
    const { problems } = desiredNode(
      manifest.object.kind === 'Pod' ? madeUp : '',
      viewOf(manifest, prefix),
      options,
    );
    return problems.map(({ field, message, severity }) => {
      // `services[1].port` stands in the annotation `services`; what is missing, at the object.
      const { line, column } =
        own.find(({ key }) => key.slice(prefix.length) === field) ??
        own.find(({ key }) => field.startsWith(`${key.slice(prefix.length)}[`)) ??
        manifest;
      return { line, column, severity, field, message };
    });
  } catch {
    const { line, column } = manifest;
    const message = `cannot be read as what Kubernetes calls a ${manifest.object.kind}; see its ports and annotations`;
    return [{ line, column, severity: 'error', field: '', message }];
  }
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

function viewOf(manifest: Manifest, prefix: string): ClusterView {
  const pool = new InternPool();
  const { object } = manifest;
  const pods = object.kind === 'Pod' ? [running(podProjection(prefix, pool)(object.pod))] : [];
  const services = object.kind === 'Service' ? [serviceProjection(prefix, pool)(object.service)] : [];
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
