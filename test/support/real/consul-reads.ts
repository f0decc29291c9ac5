/** What a consumer, and the server itself, can tell of Consul's state. */
import type { Consul } from './consul.ts';

export interface HealthEntry {
  readonly Node: {
    readonly Node: string;
    readonly Address: string;
    readonly Meta: Readonly<Record<string, string>>;
    readonly ModifyIndex: number;
  };
  readonly Service: {
    readonly ID: string;
    readonly Service: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags: readonly string[];
    readonly Meta: Readonly<Record<string, string>>;
    readonly Weights: { readonly Passing: number; readonly Warning: number };
    readonly TaggedAddresses?: Readonly<Record<string, { readonly Address: string; readonly Port: number }>>;
    readonly CreateIndex: number;
    readonly ModifyIndex: number;
  };
  readonly Checks: readonly {
    readonly CheckID: string;
    readonly Name: string;
    readonly Type: string;
    readonly Status: string;
    readonly Output: string;
    readonly ServiceID: string;
    readonly ModifyIndex: number;
  }[];
}

/** Instances of a service, by their ids. */
export async function instances(consul: Pick<Consul, 'api'>, service: string): Promise<HealthEntry[]> {
  const entries = await consul.api.get<HealthEntry[]>(`/v1/health/service/${service}`);
  return entries.sort((a, b) => (a.Service.ID < b.Service.ID ? -1 : 1));
}

/** Whether consumers get it. */
export const isPassing = ({ Checks }: HealthEntry): boolean =>
  Checks.every(({ Status }) => Status === 'passing');

/** The readiness check of an instance. */
export function readiness({ Service, Checks }: HealthEntry): HealthEntry['Checks'][number] | undefined {
  return Checks.find(({ CheckID }) => CheckID === `${Service.ID}:readiness`);
}

/** Every state of a service that a blocking query shows, from now on until the signal aborts. */
export async function* states(
  consul: Consul,
  service: string,
  signal: AbortSignal,
): AsyncGenerator<HealthEntry[]> {
  for (let index = '0'; !signal.aborted; ) {
    const path = `/v1/health/service/${service}?index=${index}&wait=10s`;
    const response = await consul.api.send('GET', path, undefined, { signal });
    yield (await response.body.json()) as HealthEntry[];
    index = String(response.headers['x-consul-index']);
  }
}

/** Server settings under which `RaftLog` can tell Consul's own writes from those of its clients. */
export const countedWrites = {
  disable_coordinates: true,
  telemetry: { prometheus_retention_time: '24h' },
} as const;

/** How far the server's raft log is, and what is in it. The server must run with `countedWrites`. */
export interface RaftLog {
  /** Last index of the log. */
  readonly index: number;
  /** Transactions in it. */
  readonly transactions: number;
  /** Entries of other kinds that only clients cause here: deregistrations, keys, sessions, tokens … */
  readonly otherWrites: number;
  /**
   * Entries that Consul makes for itself: barriers, certificates, and a registration of its own node some seconds
   * after every start, which looks like a client's.
   */
  readonly housekeeping: number;
}

const clientKinds = ['deregister', 'kvs', 'session', 'acl', 'prepared_query'];

export async function raftLog(consul: Consul): Promise<RaftLog> {
  const self = await consul.api.get<{ Stats: { raft: { last_log_index: string } } }>('/v1/agent/self');
  const metrics = await consul.api.get<string>('/v1/agent/metrics?format=prometheus');
  const log = { transactions: 0, otherWrites: 0, housekeeping: 0 };
  for (const line of metrics.split('\n')) {
    const found = /^consul_(?:fsm_(\w+)|leader_barrier)_count(?:{.*})? (\d+)$/.exec(line);
    if (found === null) continue;
    const count = Number(found[2]);
    if (found[1] === 'txn') log.transactions += count;
    else if (clientKinds.some((kind) => found[1]?.startsWith(kind))) log.otherWrites += count;
    else log.housekeeping += count;
  }
  return { index: Number(self.Stats.raft.last_log_index), ...log };
}

/** What was written between two looks at the log. */
export function writesBetween(before: RaftLog, after: RaftLog): RaftLog {
  return {
    index: after.index - before.index,
    transactions: after.transactions - before.transactions,
    otherWrites: after.otherWrites - before.otherWrites,
    housekeeping: after.housekeeping - before.housekeeping,
  };
}
