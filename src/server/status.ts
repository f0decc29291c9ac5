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
  /** What is still missing until the operator is in sync, in words; empty when nothing is. */
  readonly waitingFor: readonly string[];
  /** What of the cluster may not be read, in words: what is registered from it stays as it is. */
  readonly degraded: readonly string[];
  readonly leadership: LeadershipLine;
  readonly reflectors: readonly ReflectorLine[];
  readonly consul: ConsulLine;
  /** Consul nodes of ours. */
  readonly nodes: readonly NodeLine[];
  readonly services: readonly ServiceLine[];
  /** Empty on a standby: only the leader knows. The same goes for what is held and the queue. */
  readonly problems: readonly ProblemLine[];
  /** What is kept against what the cluster says, until it is confirmed, over, or released. */
  readonly held: readonly HeldLine[];
  /** What others did to our entries in Consul lately, an entry a line, the latest first; at most 100. */
  readonly drift: readonly DriftStatusLine[];
  /** Entries that somebody else keeps changing: they are put right more and more rarely. At most 1,000. */
  readonly contended: readonly ContendedLine[];
  readonly queue: QueueLine;
}

export interface LeadershipLine {
  /** `alone`: there is no election. Only a leader, or who is alone, writes. */
  readonly state: 'alone' | 'leading' | 'standby';
  readonly identity: string | null;
  /** Identity of the leader as last seen. */
  readonly holder: string | null;
  /** `namespace/name` */
  readonly lease: string | null;
  /** Whether Consul refuses the writes of earlier leaders; null while not leading. */
  readonly fenced: boolean | null;
  /** What is not as it should be. */
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
  /** Why it does not get on at the moment. */
  readonly error: string | null;
}

export interface ConsulLine {
  readonly addresses: readonly string[];
  /** The last request was answered by a server with a leader; null before the first. */
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

export interface HeldLine extends Omit<Held, 'kind' | 'until'> {
  /** The same in words. */
  readonly why: string;
  /** The command by which a person lets it go. */
  readonly release: string;
  readonly since: string;
  /** When it ends by itself at the latest, if all stays as it is; null when nothing tells. */
  readonly until: string | null;
}

export interface DriftStatusLine extends EntryFields {
  /** The entry was removed, edited, or added. */
  readonly what: Drift['what'];
  readonly entry: EntryNoun;
  /** From what we knew to what they made of it, the last time. */
  readonly fields: readonly FieldChange[];
  readonly times: number;
  readonly first: string;
  readonly last: string;
}

export interface ContendedLine extends EntryFields {
  readonly since: string;
  /** It is not put right before. */
  readonly nextRepair: string;
}

export interface QueueLine {
  readonly depth: number;
  /** How long the first has waited. */
  readonly oldestMs: number;
  /** Transactions on their way to Consul. */
  readonly inFlight: number;
}

/** Where the server gets what it shows. Called at each request; must answer at once and not change anything. */
export interface StatusSource {
  /** Why the process ought to be restarted; undefined = it is well. */
  unhealthy(): string | undefined;
  /** What is missing until the operator is ready, in words (`pods: not listed yet`); empty = ready. */
  notReady(): readonly string[];
  /** What is not right and no reason to keep the operator from being ready, in words; empty = nothing. */
  degraded(): readonly string[];
  status(): Status;
}
