import type { RegistrarError } from '../lib/errors.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import type { Change } from '../plan/change.ts';
import type { Drift } from '../plan/finding.ts';
import type { Fence } from './fence.ts';
import type { ObservedState } from './observed-state.ts';
import type { Submitted } from './tickets.ts';

/** What a registry reports. */
export interface RegistryListener {
  /** Somebody else changed entries of this cluster. */
  readonly onDrift: (drift: readonly Drift[]) => void;
  /** A node that was not known, or out of reach, has been read. It is to be reconciled. */
  readonly onAppeared: (node: ConsulNodeName) => void;
  /**
   * A blocking query ended: something was written in Consul. Whether it led to a reading; if not, this process wrote it
   * itself. With agents: never called.
   */
  readonly onWake: (ledToReading: boolean) => void;
  /** Everything has been compared. With agents: it is time to reconcile every node. */
  readonly onCompared: (drift: readonly Drift[]) => void;
  /** Nothing can be read from Consul; the registry tries again. */
  readonly onError: (error: RegistrarError) => void;
  /** Whether anything is wanted on a node, or the Kubernetes node exists. */
  readonly isWanted: (node: ConsulNodeName) => boolean;
}

/** Writes changes to Consul: to the catalog in transactions, or to the agents of the nodes. */
export interface ChangeWriter {
  /** Requests in flight. */
  readonly inFlight: number;
  /** Resolves when something submitted now would be sent at once; rejects with the signal's reason. */
  ready(signal: AbortSignal): Promise<void>;
  /** A node must not be submitted again before its results are in. */
  submit(changes: readonly Change[]): Submitted;
  /** Repeats the status of TTL checks before they expire, until the signal aborts. Default: nothing expires. */
  keepAlive?(signal: AbortSignal): Promise<void>;
  /** Waits for what is in flight and starts nothing more; what has not been sent fails with `aborted`. */
  close(): Promise<void>;
}

export interface WriteOptions {
  /** Default: the process is alone. */
  readonly fence?: Fence;
  /** Called after every transaction, where changes are written in transactions. */
  readonly onTransaction?: (report: { readonly durationMs: number }) => void;
}

/** Names that are to be written to. */
export interface Wanted {
  readonly nodes: readonly [string, ...string[]];
  readonly services: readonly string[];
}

/** Where registrations are kept: in Consul's catalog, or with the agents of the Kubernetes nodes. */
export interface Registry extends AsyncDisposable {
  /** What is there, as far as it is known, and what can be done with it (`features`). */
  readonly observed: ObservedState;
  /** Reads what has to be known before anything is computed. Rejects when it cannot be read. */
  read(signal: AbortSignal): Promise<void>;
  /** Follows a node of the cluster from now on, if it does not already. */
  follow(node: ConsulNodeName): void;
  /** Compares `observed` with Consul at intervals, until the signal aborts: finds what others changed. */
  compare(listener: RegistryListener, signal: AbortSignal): Promise<void>;
  /**
   * Finds what others change soon after they did, until the signal aborts. Only the leader needs it: a standby reads
   * everything when it takes over. Runs beside `compare()`, never twice at the same time.
   */
  watch(listener: RegistryListener, signal: AbortSignal): Promise<void>;
  /**
   * Consul's reasons why the token may not write to some of these nodes and services; writes nothing. Undefined where
   * only writing would show.
   */
  refusedWrites?(wanted: Wanted, signal: AbortSignal): Promise<readonly string[]>;
  /** Creates a writer, which writes for as long as the fence allows. */
  writer(parts: WriteOptions): ChangeWriter;
}
