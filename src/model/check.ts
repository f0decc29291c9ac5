import type { CheckId } from './keys.ts';

/** The statuses Consul knows. In a transaction it accepts anything else too, so we must not send it. */
export type CheckStatus = 'passing' | 'warning' | 'critical';

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
