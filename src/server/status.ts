import type { CheckStatus } from '../model/check.ts';
import type { EntryFields, EntryNoun } from '../model/entry-ref.ts';
import type { Problem } from '../model/problem.ts';
import type { FieldChange } from '../plan/fields.ts';
import type { Drift, Held } from '../plan/finding.ts';

/**
 * What the operator shows of itself: plain data, the body of /status.json. Times are ISO 8601 in UTC, spans of time in milliseconds; null where there is nothing to say.
 */
export interface Status extends Overview {
  /** Consul nodes of this cluster. */
  readonly nodes: readonly NodeLine[];
  readonly services: readonly ServiceLine[];
  /** Empty on a standby: only the leader knows. The same holds for `held` and the queue. */
  readonly problems: readonly ProblemLine[];
  /** What is not written now: by whom it is held, why, and until when. At most 1,000 of the policy and of conflicts. */
  readonly held: readonly HeldLine[];
  /** Latest changes by others to entries of this cluster, one an entry, the latest first; at most 100. */
  readonly drift: readonly DriftStatusLine[];
  /** What was written lately, the latest first; at most 200. */
  readonly changes: readonly ChangeStatusLine[];
}

/** All but the long lists: the head of each page. */
export interface Overview {
  readonly version: string;
  readonly now: string;
  readonly startedAt: string;
  readonly cluster: { readonly name: string; readonly uid: string };
  /** How well Consul follows the cluster, in one sentence. */
  readonly state: SyncState;
  readonly counts: Counts;
  /** `sync`, `upsert-only` or `dry-run`. */
  readonly policy: string;
  /** What is missing until the operator is in sync, in words; empty when nothing is. */
  readonly waitingFor: readonly string[];
  /** What may not be read in the cluster, in words: its registrations stay as they are. */
  readonly degraded: readonly string[];
  readonly leadership: LeadershipLine;
  readonly reflectors: readonly ReflectorLine[];
  readonly kubernetes: KubernetesLine;
  readonly consul: ConsulLine;
  readonly queue: QueueLine;
}

/** How well Consul follows the cluster; the first that applies, in this order. */
export type SyncKind =
  | 'starting'
  | 'kubernetes-down'
  | 'consul-down'
  | 'no-leader'
  | 'standby'
  | 'catching-up'
  | 'problems'
  | 'held'
  | 'in-sync';

export interface SyncState {
  readonly kind: SyncKind;
  /** In words: `catching up: 3 waiting, oldest 25 s`. */
  readonly text: string;
  /** What else is to be said, such as `2 problems` while Consul is unreachable. */
  readonly also: readonly string[];
}

export interface Counts {
  /** Problems of severity error. A change that Consul refuses is one of them. */
  readonly errors: number;
  readonly warnings: number;
  /** Held by the guard or the policy. What Consul refuses and what others keep changing are problems. */
  readonly held: number;
  /** Resources that may be read and cannot be at the moment. */
  readonly failing: number;
}

export interface LeadershipLine {
  /** `alone`: there is no election. Only a leader or a process that is alone writes. */
  readonly state: 'alone' | 'leading' | 'standby';
  readonly identity: string | null;
  /** Identity of the leader as last seen. */
  readonly holder: string | null;
  /** `namespace/name` */
  readonly lease: string | null;
  /** Whether Consul refuses the writes of earlier leaders; null while not leading. */
  readonly fenced: boolean | null;
  /** Problems. */
  readonly error: string | null;
}

export interface ReflectorLine {
  /** `pods` */
  readonly resource: string;
  /** Empty: all namespaces. */
  readonly namespace: string;
  /** `listing`, `watching` … */
  readonly state: string;
  readonly synced: boolean;
  readonly objects: number;
  readonly lastEventAgeMs: number | null;
  /** The error that it is retrying. */
  readonly error: string | null;
}

interface ServerLine {
  readonly up: boolean | null;
  /** It answers, and refuses the operator's credentials. */
  readonly refused: boolean;
  /** When `up` became false; null while it is not. */
  readonly since: string | null;
  readonly error: string | null;
}

/** `up`: whether anything can be read from the API server; null before the first answer. */
export interface KubernetesLine extends ServerLine {}

/** `up`: whether a server with a leader answered the last request; null before the first. */
export interface ConsulLine extends ServerLine {
  readonly addresses: readonly string[];
  /** The last time everything wanted was compared with everything there. */
  readonly lastFullSync: string | null;
}

export interface NodeLine {
  /** Name of the Consul node. */
  readonly name: string;
  readonly address: string;
  /** Of the node's check; null when it has none. */
  readonly status: CheckStatus | null;
  readonly instances: number;
}

export interface ServiceLine {
  readonly name: string;
  readonly passing: number;
  readonly warning: number;
  readonly critical: number;
}

export interface ProblemLine extends Problem {
  readonly since: string;
}

export interface HeldLine extends EntryFields, Pick<Held, 'by' | 'what' | 'because'> {
  /** What Consul said of a change that it refuses; null for other holds. */
  readonly error: string | null;
  /** The same in words. */
  readonly why: string;
  /** The command by which a person releases it; null when a release is not what ends it. */
  readonly release: string | null;
  readonly since: string;
  /**
   * Of the guard: when the hold ends by itself at the latest, if nothing changes. Of Consul and of a conflict: when the
   * next try is made. Null when that is not known.
   */
  readonly until: string | null;
}

/** A change that Consul took. */
export interface ChangeStatusLine extends EntryFields {
  readonly when: string;
  /** As in the log: `pod shop/web-1 (web) is passing`. */
  readonly text: string;
  /** From the receipt of the event to the commit. */
  readonly durationMs: number | null;
}

export interface DriftStatusLine extends EntryFields {
  /** The entry was removed, edited, or added. */
  readonly what: Drift['what'];
  readonly entry: EntryNoun;
  /** The last change: from what was known to what it became. */
  readonly fields: readonly FieldChange[];
  readonly times: number;
  readonly first: string;
  readonly last: string;
}

/** Counted in nodes. */
export interface QueueLine {
  readonly depth: number;
  /** How long the first has waited. */
  readonly oldestMs: number;
  /** Taken from the queue: they are read or written at the moment. */
  readonly busy: number;
  /** Of all, retries included, those with an event that is not in Consul yet, and its age. */
  readonly unanswered: number;
  readonly unansweredMs: number;
  /** Transactions sent to Consul and not yet answered. */
  readonly inFlight: number;
}
