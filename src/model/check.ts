import { type CheckId, checkId, type InstanceId } from './keys.ts';

/** The statuses that Consul knows, the best first. A transaction accepts any other text too, so we never send one. */
export const checkStatuses = ['passing', 'warning', 'critical'] as const;
export type CheckStatus = (typeof checkStatuses)[number];

/** The status as Consul counts it: a text that it does not know is critical. */
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

/** The check of an instance in maintenance, as Consul itself writes it: the UI and `consul maint` know it. */
export const maintenanceCheck = (instance: InstanceId): CheckName => ({
  id: maintenanceCheckId(instance),
  name: 'Service Maintenance Mode',
  type: maintenanceType,
});

/** The check that a live Consul agent keeps on its node. Such a node belongs to the agent. */
export const agentCheckId = checkId('serfHealth');

/** The check that consul-esm keeps on a node whose meta asks for a ping. */
export const monitorCheckId = checkId('externalNodeHealth');

/** The output of a readiness check once its source is terminating. */
export const terminatingOutput = {
  Pod: 'Pod is terminating',
  Endpoint: 'Endpoint is terminating',
  Route: 'Its Ingress or route is being deleted',
} as const;

export interface Check {
  readonly id: CheckId;
  readonly name: string;
  readonly type: string;
  /** For a probe, the status it starts with; the prober sets it from then on. */
  readonly status: CheckStatus;
  /** The reason for the status: the readiness condition's reason and message. */
  readonly output: string;
  /** What Consul, or a monitor beside it, does for the check. Default: nothing; the status is what we write. */
  readonly definition?: CheckDefinition;
}

/**
 * - `ttl` we write the status, and it becomes critical when we do not repeat it in time
 * - a probe: an agent or an external monitor finds the status out
 */
export type CheckDefinition = { readonly kind: 'ttl'; readonly ttlMs: number } | Probe;

/** An HTTP GET of a URL; a TCP connection to `host:port`; gRPC's health protocol at `host:port[/service]`. */
export interface Probe {
  readonly kind: 'http' | 'tcp' | 'grpc';
  readonly target: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** The prober removes an instance that has been critical for so long. */
  readonly deregisterAfterMs: number;
  /**
   * False: an HTTP probe does not follow redirects. Only agents can be configured so; a transaction drops the field
   * and consul-esm does not know it. Default true.
   */
  readonly redirects?: boolean;
}

/** Whether somebody else finds out the check's status. */
export function isProbe(check: Check): check is Check & { readonly definition: Probe } {
  return check.definition !== undefined && check.definition.kind !== 'ttl';
}
