import { clusterUid } from '../model/keys.ts';
import type { PodRecord } from '../model/pod.ts';
import type { Problem } from '../model/problem.ts';
import type { ServiceRecord } from '../model/service.ts';
import type { ClusterView } from './cluster-view.ts';
import { desiredNode } from './desired.ts';
import type { DesiredOptions } from './options.ts';
import { sampleName, sampleNode, samplePod, sampleService } from './sample-objects.ts';
import { isReachedAsWhole } from './service-places.ts';

/** The configured rules for what an object may ask for. */
export type DeclarationRules = Pick<
  DesiredOptions,
  'claims' | 'tagRules' | 'metaRules' | 'probeHosts' | 'literalAddresses' | 'consulK8s'
>;

export type DeclaringObject =
  | { readonly kind: 'Pod'; readonly pod: PodRecord }
  | { readonly kind: 'Service'; readonly service: ServiceRecord };

/**
 * The problems that this object would have if it ran and were ready. Names and addresses that only a cluster gives
 * are made up.
 */
export function checkDeclaration(object: DeclaringObject, rules: DeclarationRules): readonly Problem[] {
  const options = {
    clusterName: 'cluster',
    clusterUid: clusterUid('uid'),
    namespaced: false,
    ...rules,
  };
  // A Service without endpoints belongs to no node.
  return desiredNode(object.kind === 'Pod' ? sampleName : '', viewOf(object), options).problems;
}

function viewOf(object: DeclaringObject): ClusterView {
  const pods = object.kind === 'Pod' ? [samplePod(object.pod)] : [];
  const services = object.kind === 'Service' ? [sampleService(object.service)] : [];
  return {
    kubeNode: () => sampleNode,
    pod: (_namespace, name) => pods.find((pod) => pod.name === name),
    departedPod: () => undefined,
    podsOnNode: () => pods,
    service: () => undefined,
    endpointsOnNode: () => [],
    unreachedServices: () => services,
    slicesOfService: () => [],
    wholeServices: () => services.filter(isReachedAsWhole),
    servicesOnEveryNode: () => [],
    readiness: () => 'ready',
    namespaceProblems: () => [],
  };
}
