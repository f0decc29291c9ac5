import type { RegistrarError } from '../lib/errors.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import type { Change } from '../plan/change.ts';
import type { Drift } from '../plan/finding.ts';
import type { Fence } from './fence.ts';
import type { ObservedState } from './observed-state.ts';
import type { Submitted } from './tickets.ts';

/** What a registry tells whoever follows it. */
export interface RegistryListener {
  /** Somebody else changed entries of ours. */
  readonly onDrift: (drift: readonly Drift[]) => void;
  /** A node that was not known, or out of reach, has been read: it is to be looked at. */
  readonly onAppeared: (node: ConsulNodeName) => void;
  /** Everything has been compared, or is now to be. */
  readonly onCompared: (drift: readonly Drift[]) => void;
  /** Nothing of Consul can be read; it is tried again. */
  readonly onError: (error: RegistrarError) => void;
  /** Whether something is wanted on a node, or there is such a node. */
  readonly isWanted: (node: ConsulNodeName) => boolean;
}

/** What brings changes into Consul: into the catalog in transactions, or to the agents of the nodes. */
export interface ChangeWriter {
  /** Requests on their way. */
  readonly inFlight: number;
  /** Resolves when something submitted now would be sent at once; rejects with the signal's reason. */
  ready(signal: AbortSignal): Promise<void>;
  /** A node must not be submitted again before its results are in. */
  submit(changes: readonly Change[]): Submitted;
  /** Keeps what was written from running out, until the signal aborts. Default: nothing does. */
  keepAlive?(signal: AbortSignal): Promise<void>;
  /** Lets what is in flight end and starts nothing; what has not been sent fails with `aborted`. */
  close(): Promise<void>;
}

export interface WriteOptions {
  /** Default: the process is alone. */
  readonly fence?: Fence;
  /** Called after every transaction, where changes are written in transactions. */
  readonly onTransaction?: (report: { readonly durationMs: number }) => void;
}

/** Where registrations are kept: in Consul's catalog, or with the agents of the Kubernetes nodes. */
export interface Registry extends AsyncDisposable {
  /** What is there, as far as it is known, and what can be done with it (`features`). */
  readonly observed: ObservedState;
  /** Reads what has to be known before anything is computed. Rejects when it cannot be had. */
  read(signal: AbortSignal): Promise<void>;
  /** A node of the cluster: it may be a new one. */
  follow(node: ConsulNodeName): void;
  /** Keeps `observed` true to what others do, by comparing it every now and then, until the signal aborts. */
  compare(listener: RegistryListener, signal: AbortSignal): Promise<void>;
  /**
   * Finds what others do soon after they did it, until the signal aborts. For who writes: a standby reads
   * everything when it takes over. Beside `compare()`, never twice at the same time.
   */
  watch(listener: RegistryListener, signal: AbortSignal): Promise<void>;
  /** What writes for as long as the fence allows. */
  writer(parts: WriteOptions): ChangeWriter;
}
