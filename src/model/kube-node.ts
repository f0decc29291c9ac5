/** The fields of a Node (core/v1) that are kept. */
export interface KubeNodeRecord {
  readonly uid: string;
  readonly name: string;
  readonly resourceVersion: string;
  /** `status.addresses` of type InternalIP, the primary first; likewise ExternalIP. */
  readonly internalIps: readonly string[];
  readonly externalIps: readonly string[];
  /** Condition `Ready`: `True`, `False` or `Unknown`; absent means Unknown. */
  readonly ready: 'True' | 'False' | 'Unknown';
  /** Reason and message of the condition Ready. */
  readonly reason: string;
  readonly message: string;
  /** Labels `topology.kubernetes.io/zone` and `/region`; empty when absent. */
  readonly zone: string;
  readonly region: string;
}
