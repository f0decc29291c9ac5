import type { Change } from '../plan/change.ts';
import type { Submitted } from './tickets.ts';

/** What brings changes into Consul: into the catalog in transactions, or to the agents of the nodes. */
export interface ChangeWriter {
  /** Requests on their way. */
  readonly inFlight: number;
  /** Whether each node has a server of its own: what fails on one says nothing about the others. */
  readonly nodesFailAlone: boolean;
  /** Resolves when something submitted now would be sent at once; rejects with the signal's reason. */
  ready(signal: AbortSignal): Promise<void>;
  /** A node must not be submitted again before its results are in. */
  submit(changes: readonly Change[]): Submitted;
  /** Keeps what was written from running out, until the signal aborts. Default: nothing does. */
  keepAlive?(signal: AbortSignal): Promise<void>;
  /** Lets what is in flight end and starts nothing; what has not been sent fails with `aborted`. */
  close(): Promise<void>;
}
