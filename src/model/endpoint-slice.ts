export interface SlicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

export interface Endpoint {
  /** All stand for the same endpoint; consumers use the first (discovery.k8s.io/v1). */
  readonly addresses: readonly string[];
  /** Kubernetes node; empty when the endpoint names none. */
  readonly node: string;
  readonly zone: string;
  /** `conditions.ready`; absent means true. */
  readonly ready: boolean;
  /** `conditions.serving`; absent means the same as ready. */
  readonly serving: boolean;
  /** `conditions.terminating`; absent means false. */
  readonly terminating: boolean;
  /** Name and uid of the pod behind it (`targetRef` of kind Pod); empty when there is none. */
  readonly podName: string;
  readonly podUid: string;
}

/** The fields of an EndpointSlice (discovery.k8s.io/v1) that are kept. */
export interface EndpointSliceRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  /** Label `kubernetes.io/service-name`; empty when absent. */
  readonly service: string;
  /** `IPv4`, `IPv6` or `FQDN`. */
  readonly addressType: string;
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly Endpoint[];
  /**
   * Takes over those endpoints of the record that it replaces which are as they were: they are held in memory once, and
   * what is remembered of them holds. Has no other effect.
   */
  share?(before: EndpointSliceRecord): void;
}
