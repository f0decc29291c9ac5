import type { Clock } from '../../lib/clock.ts';
import { Indexes } from './indexes.ts';
import type { CheckRow, KvRow, NodeRow, ServiceRow, SessionRow, TombstoneRow } from './rows.ts';
import { Table } from './table.ts';
import { Watchers } from './watchers.ts';
import { Write } from './write.ts';

/** Everything a snapshot holds. */
export interface Snapshot {
  readonly raftIndex: number;
  readonly nodes: readonly NodeRow[];
  readonly services: readonly ServiceRow[];
  readonly checks: readonly CheckRow[];
  readonly kvs: readonly KvRow[];
  readonly tombstones: readonly TombstoneRow[];
  readonly sessions: readonly SessionRow[];
  readonly indexes: readonly (readonly [string, number])[];
}

/** Keys of the catalog's tables; names differ from one another whatever their case, as in Consul. */
export const nodeKey = (node: string): string => node.toLowerCase();
export const serviceKey = (node: string, id: string): string => `${nodeKey(node)}\0${id.toLowerCase()}`;
export const checkKey = (node: string, id: string): string => `${nodeKey(node)}\0${id.toLowerCase()}`;

/**
 * The state machine behind the raft log: tables, named indexes and those who wait for them. `apply` is one
 * log entry, atomic, and costs an index whatever its outcome.
 */
export class Store {
  readonly nodes = new Table<NodeRow>({
    name: 'nodes',
    key: (row) => nodeKey(row.Node),
    indexes: { meta: (row) => Object.entries(row.Meta ?? {}).map(([key, value]) => `${key}:${value}`) },
  });
  readonly services = new Table<ServiceRow>({
    name: 'services',
    key: (row) => serviceKey(row.node, row.entry.ID),
    indexes: {
      node: (row) => [nodeKey(row.node)],
      service: (row) => [row.entry.Service.toLowerCase()],
    },
  });
  readonly checks = new Table<CheckRow>({
    name: 'checks',
    key: (row) => checkKey(row.Node, row.CheckID),
    indexes: {
      node: (row) => [nodeKey(row.Node)],
      instance: (row) => [serviceKey(row.Node, row.ServiceID)],
      service: (row) => (row.ServiceName === '' ? [] : [row.ServiceName.toLowerCase()]),
      id: (row) => [row.CheckID],
      status: (row) => [row.Status],
    },
  });
  readonly kvs = new Table<KvRow>({ name: 'kvs', key: (row) => row.Key });
  readonly tombstones = new Table<TombstoneRow>({ name: 'tombstones', key: (row) => row.Key });
  readonly sessions = new Table<SessionRow>({
    name: 'sessions',
    key: (row) => row.ID,
    indexes: { node: (row) => [nodeKey(row.Node)] },
  });
  readonly indexes = new Indexes();
  readonly watchers: Watchers;
  /** Told what each log entry touched, after it is applied: the server's own housekeeping. */
  onCommit: ((touched: ReadonlySet<string>) => void) | undefined;
  readonly #clock: Clock;
  readonly #lockDelays = new Map<string, number>();
  #raftIndex: number;
  #commits = 0;

  constructor(clock: Clock, raftIndex: number) {
    this.#clock = clock;
    this.watchers = new Watchers(clock);
    this.#raftIndex = raftIndex;
  }

  /** Index of the last log entry. */
  get raftIndex(): number {
    return this.#raftIndex;
  }

  /** Log entries applied since the start, refused ones included. */
  get commits(): number {
    return this.#commits;
  }

  /** Nobody may lock the key for this long: a session that held it ended. The leader's memory, not in the log. */
  delayLock(key: string, ms: number): void {
    this.#lockDelays.set(key, this.#clock.now() + ms);
  }

  isLockDelayed(key: string): boolean {
    return (this.#lockDelays.get(key) ?? 0) > this.#clock.now();
  }

  /** Applies one log entry; when `change` throws, nothing of it stays but its index. */
  apply<T>(change: (write: Write) => T): T {
    this.#raftIndex += 1;
    this.#commits += 1;
    const write = new Write(this.#raftIndex);
    let result: T;
    try {
      result = change(write);
    } catch (thrown) {
      write.rollback();
      throw thrown;
    }
    this.watchers.fire(write.touched);
    this.onCommit?.(write.touched);
    return result;
  }

  snapshot(): Snapshot {
    return {
      raftIndex: this.#raftIndex,
      nodes: this.nodes.list(),
      services: this.services.list(),
      checks: this.checks.list(),
      kvs: this.kvs.list(),
      tombstones: this.tombstones.list(),
      sessions: this.sessions.list(),
      indexes: this.indexes.entries(),
    };
  }

  /** The state becomes the snapshot's, its indexes with it; the log itself goes on at `raftIndex`. */
  restore(snapshot: Snapshot, raftIndex: number): void {
    this.nodes.reset(snapshot.nodes);
    this.services.reset(snapshot.services);
    this.checks.reset(snapshot.checks);
    this.kvs.reset(snapshot.kvs);
    this.tombstones.reset(snapshot.tombstones);
    this.sessions.reset(snapshot.sessions);
    this.indexes.reset(snapshot.indexes);
    this.#raftIndex = raftIndex;
    this.watchers.abandon();
  }
}

export const emptySnapshot: Snapshot = {
  raftIndex: 0,
  nodes: [],
  services: [],
  checks: [],
  kvs: [],
  tombstones: [],
  sessions: [],
  indexes: [],
};
