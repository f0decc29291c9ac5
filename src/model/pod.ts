import type { Scope } from './scope.ts';

export interface ContainerPort {
  /** Empty when the port has no name. */
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  /** Port of the host that leads to it; absent when there is none. */
  readonly hostPort?: number;
}

/** A readiness gate of a pod's spec and the status of its condition (false when the condition is absent). */
export interface GateState {
  readonly type: string;
  readonly status: boolean;
}

/**
 * The fields of a Pod (core/v1) that are kept. A record never changes: another state is another record, so a record
 * can be the WeakMap key of what was derived from it.
 */
export interface PodRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  /** `metadata.creationTimestamp`, wall-clock milliseconds of the API server; 0 when unknown. */
  readonly createdAt: number;
  /** Kubernetes node; empty while unscheduled. */
  readonly node: string;
  /** `status.podIPs`, the primary first; empty before the sandbox exists. */
  readonly ips: readonly string[];
  /** `status.hostIPs`, the primary first. */
  readonly hostIps: readonly string[];
  readonly hostNetwork: boolean;
  /** `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`. */
  readonly phase: string;
  /** `metadata.deletionTimestamp` is set. */
  readonly deleting: boolean;
  /** Condition `Ready` is True. */
  readonly ready: boolean;
  /** Since when it is Ready, wall-clock milliseconds of the API server; absent while it is not, 0 when unknown. */
  readonly readySince?: number | undefined;
  /** Condition `ContainersReady` is True. */
  readonly containersReady: boolean;
  /** Reason and message of the condition `Ready` while it is not True, else empty. */
  readonly reason: string;
  readonly message: string;
  readonly gates: readonly GateState[];
  /** Ports of all containers, restartable init containers (sidecars) included. */
  readonly ports: readonly ContainerPort[];
  readonly labels: Readonly<Record<string, string>>;
  /**
   * Name of the workload it belongs to: its Deployment, StatefulSet or DaemonSet. Empty for pods that serve nobody by
   * themselves, such as those of Jobs. Only kept where pods are registered by default.
   */
  readonly workload?: string;
  /**
   * Only annotations under our prefix, and without it: `service`, `meta.team` …; for one that is registered by default,
   * those it counts as having.
   */
  readonly annotations: Readonly<Record<string, string>>;
  readonly scope?: Scope;
}
