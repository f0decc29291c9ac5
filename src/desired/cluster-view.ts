import type { Endpoint, EndpointSliceRecord } from '../model/endpoint-slice.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { PodRecord } from '../model/pod.ts';
import type { ServiceRecord } from '../model/service.ts';

/** An endpoint together with the slice that lists it. */
export interface SliceEndpoint {
  readonly slice: EndpointSliceRecord;
  readonly endpoint: Endpoint;
}

/**
 * The lister the desired state is computed from: the stores as they are now. Every method is a look-up in
 * an index; none waits.
 */
export interface ClusterView {
  kubeNode(name: string): KubeNodeRecord | undefined;
  pod(namespace: string, name: string): PodRecord | undefined;
  /** A pod that is gone and that a slice of an annotated Service still lists, as it last was. */
  departedPod(namespace: string, name: string): PodRecord | undefined;
  /** Pods scheduled on this Kubernetes node. */
  podsOnNode(node: string): Iterable<PodRecord>;
  service(namespace: string, name: string): ServiceRecord | undefined;
  /**
   * Endpoints on this Kubernetes node ('' = those that name no node) in the slices of Services that carry
   * our annotations.
   */
  endpointsOnNode(node: string): Iterable<SliceEndpoint>;
  /** Services that carry our annotations and have no endpoints. */
  unreachedServices(): Iterable<ServiceRecord>;
}
