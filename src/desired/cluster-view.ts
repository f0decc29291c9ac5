import type { Endpoint, EndpointSliceRecord } from '../model/endpoint-slice.ts';
import type { GatewayRecord } from '../model/gateway.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { PodRecord } from '../model/pod.ts';
import type { Problem } from '../model/problem.ts';
import type { RouteRecord } from '../model/route.ts';
import type { ServiceRecord } from '../model/service.ts';
import type { Readiness } from './readiness.ts';

/** An endpoint together with the slice that lists it. */
export interface SliceEndpoint {
  readonly slice: EndpointSliceRecord;
  readonly endpoint: Endpoint;
}

/**
 * What the desired state is computed from: the stores as they are now. Every method is a look-up in an index and does
 * not wait. Pods and Services are as they count: with what the configuration and their Namespace ask for in their place.
 */
export interface ClusterView {
  kubeNode(name: string): KubeNodeRecord | undefined;
  pod(namespace: string, name: string): PodRecord | undefined;
  /** The last record of a pod that is gone while a slice of an annotated Service still lists it. */
  departedPod(namespace: string, name: string): PodRecord | undefined;
  /** Pods scheduled on this Kubernetes node. */
  podsOnNode(node: string): Iterable<PodRecord>;
  service(namespace: string, name: string): ServiceRecord | undefined;
  /**
   * Endpoints on this Kubernetes node ('' = those that name none) in the slices of annotated Services.
   */
  endpointsOnNode(node: string): Iterable<SliceEndpoint>;
  /** The slices of a Service, annotated or not. */
  slicesOfService(namespace: string, service: string): Iterable<EndpointSliceRecord>;
  /** Annotated Ingresses and routes of the Gateway API, as far as they are watched. */
  routes(): Iterable<RouteRecord>;
  gateway(namespace: string, name: string): GatewayRecord | undefined;
  /** Annotated Services without endpoints. */
  unreachedServices(): Iterable<ServiceRecord>;
  /** Annotated Services that may be registered by other addresses than those of their endpoints. */
  wholeServices(): Iterable<ServiceRecord>;
  /** Those of them that may be registered on every node. */
  servicesOnEveryNode(): Iterable<ServiceRecord>;
  /** Of the endpoints of such a Service together; undefined when they may not be read. */
  readiness(namespace: string, name: string): Readiness | undefined;
  /** What is wrong with the annotations of Namespaces. */
  namespaceProblems(): Iterable<Problem>;
}
