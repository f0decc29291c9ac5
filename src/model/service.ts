import type { Scope } from './scope.ts';

export interface ServicePort {
  /** Empty when the port has no name; the EndpointSlice's port then has none either. */
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  /** The port of every node that leads to it; absent when there is none. */
  readonly nodePort?: number;
}

/** An entry of `status.loadBalancer.ingress`. */
export interface LoadBalancerEntry {
  /** IP address or host name, as the provider wrote it. */
  readonly host: string;
  /** `VIP` or `Proxy`; empty when it is not said. */
  readonly ipMode: string;
}

/** The fields of a Service (core/v1) that are kept. */
export interface ServiceRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly deleting: boolean;
  /** `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`. */
  readonly type: string;
  readonly ports: readonly ServicePort[];
  /** The primary first; `None` for a headless Service, empty before they are assigned. */
  readonly clusterIPs: readonly string[];
  readonly externalIPs: readonly string[];
  readonly loadBalancer: readonly LoadBalancerEntry[];
  /** Of a Service of type ExternalName; otherwise empty. */
  readonly externalName: string;
  /** `externalTrafficPolicy` is `Local`: a node passes traffic on to its own endpoints only. */
  readonly localTraffic: boolean;
  /** It has a selector, so that Kubernetes keeps its endpoints. */
  readonly selects: boolean;
  /** Only those that `sync.labelSelector` asks for, or that rules make tags or meta of. */
  readonly labels: Readonly<Record<string, string>>;
  /** Only annotations under our prefix, and without it; for one that is registered by default, those it counts as having. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly scope?: Scope;
}
