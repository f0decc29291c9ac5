import type { Clock } from '../../lib/clock.ts';
import type { CheckRuntime } from './agent-body.ts';
import {
  deleteCheck,
  deleteService,
  ensureCheck,
  ensureNode,
  ensureService,
  type Unstamped,
} from './catalog-writes.ts';
import type { CheckRow, NodeRow, NodeService } from './rows.ts';
import { nodeKey, type Store } from './store.ts';
import type { Write } from './write.ts';

interface LocalCheck {
  readonly row: Unstamped<CheckRow>;
  readonly runtime: CheckRuntime;
  /** Text of the last report, repeated when a TTL runs out. */
  readonly reported: string;
}

/** What a query that waits for a change of a service of an agent waits for. */
export const serviceTopic = (node: string, service: string): string => `agent ${node} service ${service}`;

/** How often an agent compares the catalog with itself, in milliseconds. */
const antiEntropyMs = 60_000;

/**
 * The local agent: what is registered with it, its TTL timers, and anti-entropy, which makes the catalog's
 * view of the agent's own node follow. Own changes are synced at once; what others put on the node is
 * removed by the next full comparison, within a minute.
 */
export class Agent implements Disposable {
  readonly node: Unstamped<NodeRow>;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #services = new Map<string, Unstamped<NodeService>>();
  readonly #checks = new Map<string, LocalCheck>();
  readonly #timers = new Map<string, Disposable>();
  #fullSync: Disposable | undefined;
  #connected = true;

  constructor(node: Unstamped<NodeRow>, store: Store, clock: Clock) {
    this.node = node;
    this.#store = store;
    this.#clock = clock;
  }

  get services(): ReadonlyMap<string, Unstamped<NodeService>> {
    return this.#services;
  }

  /** Checks by id, as `agent/checks` shows them. */
  checks(): readonly Unstamped<CheckRow>[] {
    return [...this.#checks.values()].map(({ row }) => row);
  }

  check(id: string): Unstamped<CheckRow> | undefined {
    return this.#checks.get(id)?.row;
  }

  isTtl(id: string): boolean {
    return (this.#checks.get(id)?.runtime.ttlMs ?? 0) > 0;
  }

  /** The agent does not run: no time passes for it. */
  pause(): void {
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  /** It runs again, with what it had: every TTL starts over. */
  resume(): void {
    for (const [id, { row }] of this.#checks) {
      this.#startTtl(id);
      this.#watchCritical(id, row.Status === 'critical' ? '' : row.Status);
    }
  }

  /** A service with its checks; a check that was there keeps its status and output. */
  addService(
    service: Unstamped<NodeService>,
    checks: readonly { readonly row: Unstamped<CheckRow>; readonly runtime: CheckRuntime }[],
    replaceChecks: boolean,
  ): void {
    this.#services.set(service.ID, service);
    this.#ring(service.ID);
    const wanted = new Set(checks.map(({ row }) => row.CheckID));
    if (replaceChecks) {
      for (const row of this.checks()) {
        if (row.ServiceID === service.ID && !wanted.has(row.CheckID)) this.#drop(row.CheckID);
      }
    }
    for (const { row, runtime } of checks) this.#keep(row, runtime);
    this.sync();
  }

  removeService(id: string): void {
    this.#services.delete(id);
    this.#ring(id);
    for (const row of this.checks()) if (row.ServiceID === id) this.#drop(row.CheckID);
    if (this.#connected) this.#store.apply((write) => deleteService(this.#store, write, this.node.Node, id));
  }

  addCheck(row: Unstamped<CheckRow>, runtime: CheckRuntime): void {
    this.#keep(row, runtime);
    this.sync();
  }

  removeCheck(id: string): void {
    this.#drop(id);
    if (this.#connected) this.#store.apply((write) => deleteCheck(this.#store, write, this.node.Node, id));
  }

  /** A check's new status: a TTL report, or what a probe found. Starts its TTL over. */
  setCheck(id: string, status: string, output: string): void {
    const check = this.#checks.get(id);
    if (check === undefined) return;
    this.#checks.set(id, {
      ...check,
      row: { ...check.row, Status: status, Output: output },
      reported: output,
    });
    this.#startTtl(id);
    this.#watchCritical(id, check.row.Status);
    this.sync();
  }

  /** Without a leader nothing reaches the catalog; what changed meanwhile is synced when there is one again. */
  connect(connected: boolean): void {
    this.#connected = connected;
    if (connected) this.syncFully();
  }

  /** The catalog's view of the agent's node, compared with the agent's own. */
  #inSync(): boolean {
    const key = nodeKey(this.node.Node);
    const services = this.#store.services.by('node', key).filter(({ entry }) => entry.ID !== 'consul');
    const checks = this.#store.checks.by('node', key).filter(({ CheckID }) => CheckID !== 'serfHealth');
    return (
      this.#store.nodes.get(key) !== undefined &&
      services.length === this.#services.size &&
      checks.length === this.#checks.size &&
      services.every(({ entry }) => sameBut(entry, this.#services.get(entry.ID) ?? {})) &&
      checks.every((row) => sameCheck(row, this.check(row.CheckID)))
    );
  }

  /** Brings the agent's own node, services and checks into the catalog; writes only what differs. */
  sync(): void {
    if (!this.#connected) return;
    const { Node } = this.node;
    if (this.#store.nodes.get(nodeKey(Node)) === undefined) this.#apply(this.node, ensureNode);
    for (const service of this.#services.values()) {
      const known = this.#store.services
        .by('node', nodeKey(Node))
        .find(({ entry }) => entry.ID === service.ID);
      if (known !== undefined && sameBut(known.entry, service)) continue;
      this.#store.apply((write) => {
        ensureService(this.#store, write, Node, service);
        for (const row of this.checks())
          if (row.ServiceID === service.ID) ensureCheck(this.#store, write, row);
      });
    }
    for (const row of this.checks()) {
      const known = this.#store.checks
        .by('node', nodeKey(Node))
        .find(({ CheckID }) => CheckID === row.CheckID);
      if (known === undefined || !sameCheck(known, row)) this.#apply(row, ensureCheck);
    }
    this.#settle();
  }

  /** Also removes what the agent does not know from its node. The leader's own `consul` and `serfHealth` stay. */
  syncFully(): void {
    this.sync();
    if (!this.#connected) return;
    const key = nodeKey(this.node.Node);
    for (const { entry } of this.#store.services.by('node', key)) {
      if (entry.ID === 'consul' || this.#services.has(entry.ID)) continue;
      this.#store.apply((write) => deleteService(this.#store, write, this.node.Node, entry.ID));
    }
    for (const { CheckID } of this.#store.checks.by('node', key)) {
      if (CheckID === 'serfHealth' || this.#checks.has(CheckID)) continue;
      this.#store.apply((write) => deleteCheck(this.#store, write, this.node.Node, CheckID));
    }
    this.#settle();
  }

  /** No full comparison is due when there is nothing to be undone. */
  #settle(): void {
    if (!this.#inSync()) return;
    this.#fullSync?.[Symbol.dispose]();
    this.#fullSync = undefined;
  }

  /** Looks whether somebody wrote to the agent's node behind its back: the next full comparison undoes it. */
  notice(touched: ReadonlySet<string>): void {
    const key = nodeKey(this.node.Node);
    const { nodes, services, checks } = this.#store;
    const topics = [nodes.rowTopic(key), services.indexTopic('node', key), checks.indexTopic('node', key)];
    if (!topics.some((topic) => touched.has(topic)) || this.#inSync()) return;
    this.#fullSync ??= this.#clock.schedule(antiEntropyMs, () => {
      this.#fullSync = undefined;
      this.syncFully();
    });
  }

  [Symbol.dispose](): void {
    this.#fullSync?.[Symbol.dispose]();
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  #ring(service: string): void {
    this.#store.watchers.fire([serviceTopic(this.node.Node, service)]);
  }

  #apply<T>(value: T, ensure: (store: Store, write: Write, value: T) => void): void {
    this.#store.apply((write) => ensure(this.#store, write, value));
  }

  #keep(row: Unstamped<CheckRow>, runtime: CheckRuntime): void {
    const before = this.#checks.get(row.CheckID);
    const kept =
      before === undefined ? row : { ...row, Status: before.row.Status, Output: before.row.Output };
    this.#checks.set(row.CheckID, { row: kept, runtime, reported: before?.reported ?? '' });
    this.#startTtl(row.CheckID);
    this.#watchCritical(row.CheckID, before?.row.Status ?? '');
  }

  #drop(id: string): void {
    this.#checks.delete(id);
    for (const key of [`ttl ${id}`, `critical ${id}`]) this.#stop(key);
  }

  #startTtl(id: string): void {
    const check = this.#checks.get(id);
    this.#stop(`ttl ${id}`);
    if (check === undefined || check.runtime.ttlMs <= 0) return;
    this.#start(`ttl ${id}`, check.runtime.ttlMs, () => {
      const { row, reported } = this.#checks.get(id)!;
      const last = reported === '' ? '' : ` (last output before timeout follows): ${reported}`;
      const expired = { ...row, Status: 'critical', Output: `TTL expired${last}` };
      this.#checks.set(id, { row: expired, runtime: check.runtime, reported });
      this.#watchCritical(id, row.Status);
      this.sync();
    });
  }

  /** Counts the time a check is critical without a break; then its service goes. */
  #watchCritical(id: string, statusBefore: string): void {
    const check = this.#checks.get(id);
    if (check === undefined || check.runtime.deregisterAfterMs === 0 || check.row.ServiceID === '') return;
    if (check.row.Status !== 'critical') this.#stop(`critical ${id}`);
    else if (statusBefore !== 'critical') {
      const { ServiceID } = check.row;
      this.#start(`critical ${id}`, check.runtime.deregisterAfterMs, () => this.removeService(ServiceID));
    }
  }

  #start(key: string, ms: number, fn: () => void): void {
    const timer = this.#clock.schedule(ms, () => {
      this.#timers.delete(key);
      fn();
    });
    this.#timers.set(key, timer);
  }

  #stop(key: string): void {
    this.#timers.get(key)?.[Symbol.dispose]();
    this.#timers.delete(key);
  }
}

/** The service's tags in a check are the catalog's business. */
const sameCheck = (known: CheckRow, wanted: Unstamped<CheckRow> | undefined): boolean =>
  wanted !== undefined && sameBut(known, { ...wanted, ServiceTags: known.ServiceTags });

/** Whether an entry is what it should be, its raft indexes aside. */
function sameBut(known: object, wanted: object): boolean {
  const { CreateIndex: _created, ModifyIndex: _modified, ...rest } = known as Record<string, unknown>;
  return Object.keys({ ...rest, ...wanted }).every(
    (key) => JSON.stringify(rest[key]) === JSON.stringify((wanted as Record<string, unknown>)[key]),
  );
}
