import { RegistrarError } from '../lib/errors.ts';

/** A Lease as the API server has it; every field may be absent. `coordination.k8s.io/v1` */
export interface Lease {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
  };
  readonly spec?: LeaseSpec;
}

export interface LeaseSpec {
  /** Absent or empty: nobody holds it. */
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  /**
   * RFC 3339 with microseconds, by the holder's wall clock: for people, never compared with another clock.
   */
  readonly acquireTime?: string;
  readonly renewTime?: string;
  /** How often the lease went to another holder. */
  readonly leaseTransitions?: number;
}

/** A record as one process has seen it. */
export interface Observation {
  readonly lease: Lease;
  /** When this record was first seen, by the own monotonic clock, ms. */
  readonly changedAt: number;
}

/**
 * Updates the observation with a record that was read at `now`. Its age counts from the last change that was seen:
 * the times in it come from another clock.
 */
export function observe(before: Observation | undefined, lease: Lease, now: number): Observation {
  const isSame = before !== undefined && fingerprint(before.lease) === fingerprint(lease);
  return { lease, changedAt: isSame ? before.changedAt : now };
}

export function holderOf({ spec }: Lease): string {
  return spec?.holderIdentity ?? '';
}

/** When the holder counts as gone, by the own monotonic clock; at once when nobody holds the lease. */
export function expiresAt({ lease, changedAt }: Observation, ownDurationMs: number): number {
  if (holderOf(lease) === '') return Number.NEGATIVE_INFINITY;
  const seconds = lease.spec?.leaseDurationSeconds ?? 0;
  // The holder acts by the duration in its record, not by the own setting.
  return changedAt + (seconds > 0 ? seconds * 1_000 : ownDurationMs);
}

export interface LeaseClaim {
  readonly identity: string;
  readonly durationMs: number;
  /** Wall-clock milliseconds, shown to people. */
  readonly wall: number;
}

/** The lease in the hands of `identity`; one it holds already keeps its acquireTime and transitions. */
export function claimed(lease: Lease, { identity, durationMs, wall }: LeaseClaim): Lease {
  const { spec = {} } = lease;
  const isOwn = holderOf(lease) === identity;
  return {
    ...lease,
    spec: {
      ...spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1_000),
      acquireTime: isOwn && spec.acquireTime !== undefined ? spec.acquireTime : microTime(wall),
      renewTime: microTime(wall),
      leaseTransitions: (spec.leaseTransitions ?? 0) + (isOwn ? 0 : 1),
    },
  };
}

/** A lease that did not exist. */
export function firstLease(name: string, namespace: string, claim: LeaseClaim): Lease {
  const { spec, ...lease } = claimed({ metadata: { name, namespace } }, claim);
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    ...lease,
    spec: { ...spec, leaseTransitions: 0 },
  };
}

/** The lease given back, for others to take at once. */
export function released(lease: Lease, wall: number): Lease {
  return { ...lease, spec: { ...lease.spec, holderIdentity: '', renewTime: microTime(wall) } };
}

export interface LeaseTimes {
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

/** Throws `config` unless the leader gives up before others take over, after more than one attempt. */
export function checkTimes({ leaseDurationMs, renewDeadlineMs, retryPeriodMs }: LeaseTimes): void {
  if (leaseDurationMs <= renewDeadlineMs) {
    throw new RegistrarError('config', 'the lease duration must be longer than the renew deadline');
  }
  if (renewDeadlineMs <= 1.2 * retryPeriodMs) {
    throw new RegistrarError('config', 'the renew deadline must be longer than 1.2 times the retry period');
  }
}

function fingerprint({ spec = {} }: Lease): string {
  const { holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions } = spec;
  return JSON.stringify([holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions]);
}

/** Kubernetes' MicroTime takes exactly six digits. */
const microTime = (wall: number): string => new Date(wall).toISOString().replace('Z', '000Z');
