import { inParallel } from '../lib/in-parallel.ts';
import type { Instance } from '../model/instance.ts';
import type { ClusterUid, ConsulNodeName } from '../model/keys.ts';
import { clusterUidKey, managedByKey, managedByValue } from '../model/owner.ts';
import { apply } from '../plan/apply.ts';
import { drift } from '../plan/drift.ts';
import type { Drift } from '../plan/finding.ts';
import type { ObservedInstance, ObservedNode, StoredEntry } from '../plan/observed.ts';
import { nodeOwnership } from '../plan/ownership.ts';
import { reaped } from '../plan/reaped.ts';
import type { RegistryFeatures } from '../plan/registry-features.ts';
import { withKnownInstances, withWantedValues } from '../plan/same-entries.ts';
import { learnFromReading, learnFromWrite } from './learn-features.ts';
import type { NodeReader, NodeReading } from './node-reader.ts';
import type { ChangeResult, Submitted } from './tickets.ts';

export interface ObservedStateOptions {
  readonly reader: NodeReader;
  /** Nodes stamped with this uid belong to this cluster: they are owned. */
  readonly owner: ClusterUid;
  /** Readings at once. Default 8. */
  readonly parallel?: number;
}

/** What is known of a node. Replaced, never changed: another state is another object. */
interface Known {
  /** Undefined: there was no such node when it was last read. Only ever replaced by its equal. */
  node: ObservedNode | undefined;
  /** False when it was not read yet, or when the outcome of a write of this process is not known. */
  readonly certain: boolean;
  /** Of the last reading; undefined when there was none, or no node. */
  readonly index: number | undefined;
}

/**
 * What Consul holds of this cluster, in memory: read whole at the start, updated by the changes this process commits,
 * and compared with fresh readings.
 *
 * - `node()` answers from memory; `load()` first reads names never seen and nodes with a write of unknown outcome;
 * - `follow()` takes in the results of submitted changes;
 * - a reading is dropped when a write of this process to the node was under way at the same time;
 * - absence is believed only when Consul confirms it: without a token, a list may show nothing at all;
 * - a reading that differs from memory is drift, and is what memory holds from then on.
 */
export class ObservedState {
  readonly #reader: NodeReader;
  readonly #owner: ClusterUid;
  readonly #parallel: number;
  readonly #known = new Map<ConsulNodeName, Known>();
  readonly #writing = new Set<ConsulNodeName>();
  /** Indexes of the last writes of this process, the oldest first. */
  readonly #written = new Set<number>();
  #features: RegistryFeatures;

  constructor({ reader, owner, parallel = 8 }: ObservedStateOptions) {
    this.#reader = reader;
    this.#features = reader.features;
    this.#owner = owner;
    this.#parallel = parallel;
  }

  /** The stamp by which Consul finds the nodes of this cluster. */
  get nodeMeta(): Readonly<Record<string, string>> {
    return { [clusterUidKey]: this.#owner, [managedByKey]: managedByValue };
  }

  /** As far as the server has shown them. The same object until it shows something else. */
  get features(): RegistryFeatures {
    return this.#features;
  }

  /** Undefined when there is no such node, or none known. */
  node(name: ConsulNodeName): ObservedNode | undefined {
    return this.#known.get(name)?.node;
  }

  /** Nodes of this cluster that exist. */
  *nodes(): Iterable<ObservedNode> {
    for (const { node } of this.#known.values()) if (node !== undefined && this.#isOwned(node)) yield node;
  }

  /**
   * Reads everything of this cluster, and returns how it differs from what was known. Where `nodesFailAlone`, a node
   * that cannot be read stays as it was.
   */
  async readAll(signal: AbortSignal): Promise<Drift[]> {
    const listed = await this.#reader.list(this.nodeMeta, signal);
    // A name that was free is looked up again when it is needed.
    for (const [name, { node, certain }] of this.#known) {
      if (node === undefined && certain && !this.#writing.has(name)) this.#known.delete(name);
    }
    const drifts = await this.#readEach(new Set([...this.#known.keys(), ...listed]), signal);
    this.#features = learnFromReading(this.#features, this.nodes());
    return drifts;
  }

  /** Has load() read every node again: another replica may have written. */
  distrust(): void {
    for (const [name, known] of this.#known) this.#known.set(name, { ...known, certain: false });
  }

  /** Whether load() would read this node before anything may be computed for it. */
  needsReading(name: ConsulNodeName): boolean {
    return this.#known.get(name)?.certain !== true;
  }

  /** Reads those of these nodes whose state in memory changes must not be computed from. */
  async load(names: Iterable<ConsulNodeName>, signal: AbortSignal): Promise<void> {
    const asked = [...names].filter((name) => this.needsReading(name));
    // Until they have been read, a full reading covers them.
    for (const name of asked) if (!this.#known.has(name)) this.#known.set(name, unread());
    const unseen = asked.filter((name) => this.node(name) === undefined);
    const before = new Map(unseen.map((name) => [name, this.#known.get(name)]));
    for (const name of await this.#reader.absent(unseen, signal)) {
      this.#accept(name, before.get(name), absence);
    }
    await this.#readEach(
      asked.filter((name) => this.needsReading(name)),
      signal,
      { tolerant: false },
    );
  }

  /** Drops a node that is not needed any more and cannot be read. */
  forget(name: ConsulNodeName): void {
    this.#known.delete(name);
  }

  /** Reads one node again, and returns how it differs from what was known. */
  refreshNode(name: ConsulNodeName, signal: AbortSignal): Promise<Drift[]> {
    return this.#readEach([name], signal, { tolerant: false });
  }

  /**
   * Reads one node again, and returns how it differs from what was known. Undefined when a write of this process
   * to it, or another reading, was under way: the caller then has to ask again.
   */
  async compareNode(name: ConsulNodeName, signal: AbortSignal): Promise<readonly Drift[] | undefined> {
    if (this.#writing.has(name)) return undefined;
    const before = this.#known.get(name);
    const reading = await this.#read(name, before, signal);
    return this.#accept(name, before, reading);
  }

  /** Whether there is a node of this name that belongs to this cluster. */
  isOwned(name: ConsulNodeName): boolean {
    const node = this.node(name);
    return node !== undefined && this.#isOwned(node);
  }

  /** Whether this process is writing to this node. */
  isWriting(name: ConsulNodeName): boolean {
    return this.#writing.has(name);
  }

  /** Whether this process is writing anything. */
  get isWritingAny(): boolean {
    return this.#writing.size > 0;
  }

  /** Whether a recent write of this process got this index. */
  wroteAt(index: number): boolean {
    return this.#written.has(index);
  }

  /** Shares equal values with the wanted instances, to hold them in memory once. Has no other effect. */
  share(name: ConsulNodeName, wanted: Iterable<Instance>): void {
    const known = this.#known.get(name);
    if (known?.node !== undefined) known.node = withWantedValues(known.node, wanted);
  }

  /** Index for the next blocking query on this node's checks: that of its last reading, before any later write. */
  readIndex(name: ConsulNodeName): number | undefined {
    return this.#known.get(name)?.index;
  }

  /** The same promises, each settling after its results have been taken in here. */
  follow(submitted: Submitted): Submitted {
    const followed = new Map<ConsulNodeName, Promise<readonly ChangeResult[]>>();
    for (const [name, promise] of submitted) {
      this.#writing.add(name);
      const kept = promise.then((results) => {
        this.#writing.delete(name);
        this.#keep(name, results);
        return results;
      });
      followed.set(name, kept);
    }
    return followed;
  }

  async #readEach(
    names: Iterable<ConsulNodeName>,
    signal: AbortSignal,
    { tolerant = this.#features.nodesFailAlone } = {},
  ): Promise<Drift[]> {
    const found = await inParallel(names, this.#parallel, async (name) => {
      const before = this.#known.get(name);
      try {
        return this.#accept(name, before, await this.#read(name, before, signal)) ?? [];
      } catch (thrown) {
        signal.throwIfAborted();
        if (!tolerant) throw thrown;
        return [];
      }
    });
    return found.flat();
  }

  /** Believes that something is gone only when a transaction confirms it, for one of the missing entries. */
  async #read(name: ConsulNodeName, before: Known | undefined, signal: AbortSignal): Promise<NodeReading> {
    const reading = await this.#reader.read(name, signal);
    const known = before?.node;
    // A reading that accept() will drop needs no confirmation.
    if (this.#writing.has(name) || this.#known.get(name) !== before) return reading;
    const { node: fresh } = reading;
    const instance = fresh && known && this.#isOwned(known) ? missingFrom(fresh, known) : undefined;
    if (fresh === undefined || instance !== undefined) {
      await this.#reader.confirmAbsence({ node: name, instance }, signal);
    }
    return reading;
  }

  /** Undefined when the reading is dropped. */
  #accept(name: ConsulNodeName, before: Known | undefined, { node: fresh, index }: NodeReading) {
    if (this.#writing.has(name) || this.#known.get(name) !== before) return undefined;
    const known = before?.node;
    const isOwned = known !== undefined && this.#isOwned(known);
    const stampedBefore = isOwned && fresh?.createIndex === known.createIndex;
    const gone = fresh && reaped(known, fresh);
    const node = fresh && {
      ...withKnownInstances(fresh, known),
      stampedBefore,
      ...(gone === undefined ? {} : { reaped: gone }),
    };
    this.#known.set(name, { node, certain: true, index });
    return isOwned && before?.certain === true ? drift(known, fresh) : [];
  }

  #keep(name: ConsulNodeName, results: readonly ChangeResult[]): void {
    const applied = results.flatMap(({ change, outcome }) =>
      outcome.kind === 'committed' ? [{ change, entries: outcome.entries }] : [],
    );
    const known = this.#known.get(name);
    const written = applied.flatMap(({ change }) =>
      change.kind === 'put-instance' ? [change.instance] : [],
    );
    const stored = apply(known?.node, applied);
    const node = stored && withWantedValues(stored, written);
    const removed = applied.some(({ change }) => change.kind === 'delete-node');
    const certain = applied.length === results.length && (node !== undefined || removed);
    this.#known.set(name, { node, certain, index: known?.index });
    for (const { change, entries } of applied) {
      for (const entry of entries) this.#remember(modifyIndexOf(entry));
      this.#features = learnFromWrite(this.#features, change, entries);
    }
  }

  #remember(index: number): void {
    this.#written.add(index);
    if (this.#written.size <= rememberedWrites) return;
    for (const oldest of this.#written) {
      this.#written.delete(oldest);
      return;
    }
  }

  #isOwned(node: ObservedNode): boolean {
    return nodeOwnership(node, this.#owner) === 'ours';
  }
}

const absence: NodeReading = { node: undefined, index: undefined };
/** An object of its own for each node, by which a reading that was overtaken is known. */
const unread = (): Known => ({ node: undefined, certain: false, index: undefined });

/** An instance that is gone. An id in another letter case is the same one: Consul has one entry for both. */
function missingFrom(fresh: ObservedNode, known: ObservedNode): ObservedInstance | undefined {
  for (const instance of known.instances.values()) {
    if (fresh.instances.has(instance.id)) continue;
    const id = instance.id.toLowerCase();
    if (![...fresh.instances.keys()].some((other) => other.toLowerCase() === id)) return instance;
  }
  return undefined;
}

/** More than are written while a blocking query's answer is on its way. */
const rememberedWrites = 1_000;

function modifyIndexOf(entry: StoredEntry): number {
  switch (entry.kind) {
    case 'node':
      return entry.node.modifyIndex;
    case 'instance':
      return entry.instance.modifyIndex;
    case 'check':
      return entry.check.modifyIndex;
  }
}
