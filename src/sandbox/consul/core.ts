import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { Acl } from './acl.ts';
import type { Agent } from './agent.ts';
import type { ConsulAnswer, ConsulRequest } from './http.ts';
import type { SessionTimers } from './sessions.ts';
import type { Store } from './store.ts';

/** Limits and names, as a configuration file of Consul would set them. */
export interface ConsulSettings {
  readonly datacenter: string;
  readonly nodeName: string;
  readonly version: string;
  readonly maxTxnOperations: number;
  readonly maxTxnBytes: number;
  readonly maxKvBytes: number;
}

/** What the endpoints work on. */
export interface Core {
  readonly settings: ConsulSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly acl: Acl;
  readonly agent: Agent;
  readonly sessions: SessionTimers;
  readonly counters: Counters;
  /** The state as an opaque blob, and back. */
  readonly snapshot: () => Uint8Array;
  readonly restore: (blob: Uint8Array) => void;
  readonly hasLeader: () => boolean;
  /** Whether the agent that is asked is a server. */
  readonly isServer: boolean;
}

export interface Counters {
  /** Requests that arrived, by `METHOD /path` with everything after the endpoint's name cut off. */
  readonly requests: Map<string, number>;
  /** Transactions that reached the log. */
  transactions: number;
  /** Operations in them. */
  operations: number;
  /** Transactions refused with 409. */
  refused: number;
}

export type Handler = (
  core: Core,
  request: ConsulRequest,
  rest: string,
) => ConsulAnswer | Promise<ConsulAnswer>;

export interface Route {
  readonly methods: readonly string[];
  /** The whole path, or its beginning when it ends in a slash; the rest is passed to the handler. */
  readonly path: string;
  readonly handler: Handler;
  /** Answered by the agent alone, whether there is a leader or not. */
  readonly local?: boolean;
  /** Whether this request is answered from the server's own state, which needs no leader. Default: with `?stale`. */
  readonly readsOwnState?: (request: ConsulRequest) => boolean;
}
