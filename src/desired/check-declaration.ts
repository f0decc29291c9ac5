import { clusterUid } from '../model/keys.ts';
import type { PodRecord } from '../model/pod.ts';
import type { Problem } from '../model/problem.ts';
import type { RouteKind, RouteRecord } from '../model/route.ts';
import type { ServiceRecord } from '../model/service.ts';
import type { ClusterView } from './cluster-view.ts';
import { describeDeclarations } from './declarations.ts';
import { desiredNode } from './desired.ts';
import type { DesiredOptions } from './options.ts';
import {
  sampleGateway,
  sampleName,
  sampleNode,
  samplePod,
  sampleRoute,
  sampleService,
} from './sample-objects.ts';
import { isReachedAsWhole } from './service-places.ts';
import { everyPort, type PortRef } from './values.ts';

/** The configured rules for what an object may ask for. */
export type DeclarationRules = Pick<
  DesiredOptions,
  | 'claims'
  | 'tagRules'
  | 'metaRules'
  | 'probeHosts'
  | 'literalAddresses'
  | 'consulK8s'
  | 'naming'
  | 'baseTags'
  | 'labelRules'
>;

export type DeclaringObject =
  | { readonly kind: 'Pod'; readonly pod: PodRecord }
  | { readonly kind: 'Service'; readonly service: ServiceRecord }
  | { readonly kind: RouteKind; readonly route: RouteRecord };

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
  // A Service without endpoints, and a route, belong to no node.
  return desiredNode(object.kind === 'Pod' ? sampleName : '', viewOf(object), options).problems;
}

/** The ports that the annotations of a route ask for. */
function portsOf(route: RouteRecord): PortRef[] {
  const { outcomes } = describeDeclarations(route, {
    podName: '',
    podNamespace: route.namespace,
    podLabels: {},
    nodeName: '',
    nodeZone: '',
    nodeRegion: '',
    clusterName: 'cluster',
  });
  return outcomes.flatMap((each) =>
    each.kind === 'broken' || each.port === undefined || each.port === everyPort ? [] : [each.port],
  );
}

function viewOf(object: DeclaringObject): ClusterView {
  const pods = object.kind === 'Pod' ? [samplePod(object.pod)] : [];
  const services = object.kind === 'Service' ? [sampleService(object.service)] : [];
  const routes = 'route' in object ? [sampleRoute(object.route)] : [];
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
    routes: () => routes,
    gateway: () => ('route' in object ? sampleGateway(object.route, portsOf(object.route)) : undefined),
  };
}
