import type { ReflectorStatus } from '../kube/reflector/reflector-state.ts';
import type { RegistrarError } from '../lib/errors.ts';
import type { Pause } from '../lib/pause.ts';
import type { ClusterUid } from '../model/keys.ts';
import type { Problem } from '../model/problem.ts';
import type { Finding } from '../plan/finding.ts';
import type { ObservedNode } from '../plan/observed.ts';
import type { Moment } from '../reconcile/history.ts';
import type { LedgerLine } from '../reconcile/ledger.ts';
import type { ChangeLine } from '../reconcile/recent-changes.ts';
import type { DriftLine } from '../reconcile/recent-drift.ts';
import type { StatusCounts } from '../reconcile/service-counts.ts';
import type { LeadershipLine, QueueLine } from './status.ts';

/**
 * What the operator knows at one moment, as it keeps it: what /status.json and the pages are made from. Whoever shows
 * a part of a long list brings only that part into words.
 */
export interface Reading {
  readonly clusterName: string;
  readonly policy: string;
  readonly consulAddresses: readonly string[];
  readonly version: string;
  /** Wall-clock and monotonic milliseconds. */
  readonly wall: number;
  readonly now: number;
  readonly startedAt: number;
  readonly owner: ClusterUid | undefined;
  readonly waitingFor: readonly string[];
  readonly degraded: readonly string[];
  readonly leadership: LeadershipLine;
  readonly reflectors: readonly ReflectorStatus[];
  readonly nodes: readonly ObservedNode[];
  /** May change once another look is taken. */
  readonly services: ReadonlyMap<string, StatusCounts>;
  readonly problems: readonly LedgerLine<Problem>[];
  readonly findings: readonly LedgerLine<Finding>[];
  readonly drift: readonly DriftLine[];
  /** The latest first. */
  readonly changes: readonly ChangeLine[];
  /** The last hour, the oldest first. */
  readonly history: readonly Moment[];
  readonly queue: QueueLine;
  readonly consulUp: boolean | undefined;
  readonly consulError: RegistrarError | undefined;
  /** Wall-clock milliseconds. */
  readonly consulFailingSince: number | undefined;
  readonly lastFullSync: number | undefined;
}

/** What the server shows. Called at requests; changes nothing. */
export interface StatusSource {
  /** Why the process should be restarted; undefined when it is healthy. */
  unhealthy(): string | undefined;
  /** What is missing until the operator is ready, in words (`pods: not listed yet`); empty = ready. */
  notReady(): readonly string[];
  /** What is wrong and does not keep the operator from being ready, in words; empty = nothing. */
  degraded(): readonly string[];
  /** As it is once what has changed since the last reading was counted, in slices. */
  reading(pause: Pause): Reading | Promise<Reading>;
}
