import { type CheckId, checkId, type InstanceId } from './keys.ts';

/** The statuses Consul knows, the best first. In a transaction it accepts anything else too, so we must not send it. */
export const checkStatuses = ['passing', 'warning', 'critical'] as const;
export type CheckStatus = (typeof checkStatuses)[number];

/** What Consul makes of a status: one that it does not know counts as critical. */
export const checkStatus = (text: string): CheckStatus =>
  text === 'passing' || text === 'warning' ? text : 'critical';

type CheckName = Pick<Check, 'id' | 'name' | 'type'>;

/** The check that follows the condition Ready of a Kubernetes node. */
export const nodeCheck: CheckName = {
  id: checkId('kubernetes-node'),
  name: 'Kubernetes node',
  type: 'kubernetes-node',
};

export const readinessCheckId = (instance: InstanceId): CheckId => checkId(`${instance}:readiness`);

/** The check that follows the readiness of a pod or an endpoint. */
export const readinessCheck = (instance: InstanceId): CheckName => ({
  id: readinessCheckId(instance),
  name: 'Kubernetes readiness',
  type: 'kubernetes-readiness',
});

export const maintenanceType = 'maintenance';
export const maintenanceCheckId = (instance: InstanceId): CheckId =>
  checkId(`_service_maintenance:${instance}`);

/** An instance in maintenance, as Consul writes it: its UI and `consul maint` know this check. */
export const maintenanceCheck = (instance: InstanceId): CheckName => ({
  id: maintenanceCheckId(instance),
  name: 'Service Maintenance Mode',
  type: maintenanceType,
});

/** The check of a node that a live Consul agent keeps: such a node is the agent's. */
export const agentCheckId = checkId('serfHealth');

/** The check of a node that consul-esm keeps where the node's meta asks it to ping. */
export const monitorCheckId = checkId('externalNodeHealth');

/** What the readiness check of an instance says once its pod, or its endpoint, was told to stop. */
export const terminatingOutput = {
  Pod: 'Pod is terminating',
  Endpoint: 'Endpoint is terminating',
} as const;

export interface Check {
  readonly id: CheckId;
  readonly name: string;
  readonly type: string;
  /** Of a probe, what it begins with: from then on, the status is the prober's. */
  readonly status: CheckStatus;
  /** Why the status is what it is: the readiness condition's reason and message. */
  readonly output: string;
  /** What Consul, or a monitor beside it, does for the check. Default: nothing, its status is what we write. */
  readonly definition?: CheckDefinition;
}

/**
 * - `ttl` the status is what we write, and becomes critical when we have not repeated it for so long
 * - a probe: an agent, or an external monitor, finds the status out
 */
export type CheckDefinition = { readonly kind: 'ttl'; readonly ttlMs: number } | Probe;

/** An HTTP GET of a URL; a TCP connection to `host:port`; gRPC's health protocol at `host:port[/service]`. */
export interface Probe {
  readonly kind: 'http' | 'tcp' | 'grpc';
  readonly target: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Critical for so long, the prober removes the instance. */
  readonly deregisterAfterMs: number;
  /**
   * False: an HTTP probe does not follow redirects. Only agents can be told so; a transaction drops it, and
   * consul-esm does not know it. Default true.
   */
  readonly redirects?: boolean;
}

/** Whether somebody else finds the check's status out. */
export function isProbe(check: Check): check is Check & { readonly definition: Probe } {
  return check.definition !== undefined && check.definition.kind !== 'ttl';
}
