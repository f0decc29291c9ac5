import type { CheckStatus } from '../model/check.ts';
import type { EntryFields, EntryNoun } from '../model/entry-ref.ts';
import type { Problem } from '../model/problem.ts';
import type { FieldChange } from '../plan/fields.ts';
import type { Drift, Held } from '../plan/finding.ts';

/**
 * What the operator shows of itself: plain data, the body of /status.json and the input of the page.
 * Times are ISO 8601 in UTC, spans of time in milliseconds; null where there is nothing to say.
 */
export interface Status {
  readonly version: string;
  readonly now: string;
  readonly startedAt: string;
  readonly cluster: { readonly name: string; readonly uid: string };
  /** `sync`, `upsert-only` or `dry-run`. */
  readonly policy: string;
  /** What is missing until the operator is in sync, in words; empty when nothing is. */
  readonly waitingFor: readonly string[];
  /** What may not be read in the cluster, in words: its registrations stay as they are. */
  readonly degraded: readonly string[];
  readonly leadership: LeadershipLine;
  readonly reflectors: readonly ReflectorLine[];
  readonly consul: ConsulLine;
  /** Consul nodes of this cluster. */
  readonly nodes: readonly NodeLine[];
  readonly services: readonly ServiceLine[];
  /** Empty on a standby: only the leader knows. The same holds for `held` and the queue. */
  readonly problems: readonly ProblemLine[];
  /** What is not written now: by whom it is held, why, and until when. At most 1,000 of the policy and of conflicts. */
  readonly held: readonly HeldLine[];
  /** Latest changes by others to entries of this cluster, one an entry, the latest first; at most 100. */
  readonly drift: readonly DriftStatusLine[];
  readonly queue: QueueLine;
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

export interface ConsulLine {
  readonly addresses: readonly string[];
  /** Whether a server with a leader answered the last request; null before the first. */
  readonly up: boolean | null;
  readonly error: string | null;
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

export interface QueueLine {
  readonly depth: number;
  /** How long the first has waited. */
  readonly oldestMs: number;
  /** Transactions sent to Consul and not yet answered. */
  readonly inFlight: number;
}

/** What the server shows. Called at each request; must return at once and change nothing. */
export interface StatusSource {
  /** Why the process should be restarted; undefined when it is healthy. */
  unhealthy(): string | undefined;
  /** What is missing until the operator is ready, in words (`pods: not listed yet`); empty = ready. */
  notReady(): readonly string[];
  /** What is wrong and does not keep the operator from being ready, in words; empty = nothing. */
  degraded(): readonly string[];
  status(): Status;
}
