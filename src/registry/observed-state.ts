import { inParallel } from '../lib/in-parallel.ts';
import type { Instance } from '../model/instance.ts';
import type { ClusterUid, ConsulNodeName, InstanceId } from '../model/keys.ts';
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
  /** Only nodes stamped with this uid are ours. */
  readonly owner: ClusterUid;
  /** Readings at once. Default 8. */
  readonly parallel?: number;
}

/** What is known of a node. Replaced, never changed: another state is another object. */
interface Known {
  /** Undefined: there was no such node when it was last read. Only ever replaced by its equal. */
  node: ObservedNode | undefined;
  /** False when a write of ours may or may not have reached it. */
  readonly certain: boolean;
  /** Of the last reading; undefined when there was none, or no node. */
  readonly index: number | undefined;
}

/**
 * What Consul holds of ours, in memory: read whole at the start, kept up by our own committed changes,
 * compared with fresh readings.
 *
 * - `node()` answers from memory; `load()` first reads what is not known for certain: names never seen and
 *   nodes with a write of unknown outcome;
 * - `follow()` keeps the results of what the writer was given;
 * - a reading during which one of our own writes to the node was under way says nothing and is dropped;
 * - the absence of a node we know is believed only when Consul confirms it;
 * - a reading that differs from memory is drift, and is what memory holds from then on.
 */
export class ObservedState {
  readonly #reader: NodeReader;
  readonly #owner: ClusterUid;
  readonly #parallel: number;
  readonly #known = new Map<ConsulNodeName, Known>();
  readonly #writing = new Set<ConsulNodeName>();
  /** Indexes of our last writes, the oldest first. */
  readonly #written = new Set<number>();
  #features: RegistryFeatures;
  #complete = false;

  constructor({ reader, owner, parallel = 8 }: ObservedStateOptions) {
    this.#reader = reader;
    this.#features = reader.features;
    this.#owner = owner;
    this.#parallel = parallel;
  }

  /** Whether everything of ours has been read once: before, nothing may be removed. */
  get complete(): boolean {
    return this.#complete;
  }

  /** The stamp by which Consul is asked for our nodes. */
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

  /** Nodes of ours that exist. */
  *nodes(): Iterable<ObservedNode> {
    for (const { node } of this.#known.values()) if (node !== undefined && this.#isOurs(node)) yield node;
  }

  /**
   * Reads everything that is ours, and returns how it differs from what was known. Where nodes fail alone, one
   * that cannot be read stays as it was.
   */
  async readAll(signal: AbortSignal): Promise<Drift[]> {
    const listed = await this.#reader.list(this.nodeMeta, signal);
    const drifts = await this.#readEach(new Set([...this.#known.keys(), ...listed]), signal);
    this.#features = learnFromReading(this.#features, this.nodes());
    this.#complete = true;
    return drifts;
  }

  /** Somebody else may have written on our behalf: load() reads every node again. */
  distrust(): void {
    for (const [name, known] of this.#known) this.#known.set(name, { ...known, certain: false });
  }

  /** Whether load() would read this node before anything may be computed for it. */
  needsReading(name: ConsulNodeName): boolean {
    return this.#known.get(name)?.certain !== true;
  }

  /** Makes `node()` of these names fit to compute changes from. */
  async load(names: Iterable<ConsulNodeName>, signal: AbortSignal): Promise<void> {
    await this.#readEach(
      [...names].filter((name) => this.needsReading(name)),
      signal,
      { tolerant: false },
    );
  }

  /** Nobody needs this node any more, and it cannot be read. */
  forget(name: ConsulNodeName): void {
    this.#known.delete(name);
  }

  /** Reads one node again, and returns how it differs from what was known. */
  refreshNode(name: ConsulNodeName, signal: AbortSignal): Promise<Drift[]> {
    return this.#readEach([name], signal, { tolerant: false });
  }

  /**
   * Reads one node again, and returns how it differs from what was known; undefined when a write of ours
   * to it, or another reading, was under way: this one then says nothing, and has to be done again.
   */
  async compareNode(name: ConsulNodeName, signal: AbortSignal): Promise<readonly Drift[] | undefined> {
    if (this.#writing.has(name)) return undefined;
    const before = this.#known.get(name);
    const reading = await this.#read(name, before, signal);
    return this.#accept(name, before, reading);
  }

  /** Whether there is a node of this name, and it is ours. */
  isOurs(name: ConsulNodeName): boolean {
    const node = this.node(name);
    return node !== undefined && this.#isOurs(node);
  }

  /** Whether a write of ours to this node is under way. */
  isWriting(name: ConsulNodeName): boolean {
    return this.#writing.has(name);
  }

  /** Whether this process is writing anything. */
  get isWritingAny(): boolean {
    return this.#writing.size > 0;
  }

  /** Whether a recent write of this process set something at this index. */
  wroteAt(index: number): boolean {
    return this.#written.has(index);
  }

  /** What is as wanted takes its values from there, to be in memory once. Nothing else is seen of it. */
  share(name: ConsulNodeName, wanted: ReadonlyMap<InstanceId, Instance>): void {
    const known = this.#known.get(name);
    if (known?.node !== undefined) known.node = withWantedValues(known.node, wanted);
  }

  /** Where a wait for this node's checks can go on: after its last reading, so before our own writes since then. */
  readIndex(name: ConsulNodeName): number | undefined {
    return this.#known.get(name)?.index;
  }

  /** The same promises, settling after the results are kept here. */
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

  /** What is missing is believed to be gone only when a transaction says so, too: one entry vouches for all. */
  async #read(name: ConsulNodeName, before: Known | undefined, signal: AbortSignal): Promise<NodeReading> {
    const reading = await this.#reader.read(name, signal);
    const known = before?.node;
    // A reading that will be dropped needs no confirmation.
    if (known === undefined || !this.#isOurs(known) || this.#known.get(name) !== before) return reading;
    if (this.#writing.has(name)) return reading;
    const { node: fresh } = reading;
    const instance = fresh && missingFrom(fresh, known);
    if (fresh === undefined || instance !== undefined) {
      await this.#reader.confirmAbsence({ node: name, instance }, signal);
    }
    return reading;
  }

  /** Undefined when the reading was overtaken and is dropped. */
  #accept(name: ConsulNodeName, before: Known | undefined, { node: fresh, index }: NodeReading) {
    if (this.#writing.has(name) || this.#known.get(name) !== before) return undefined;
    const known = before?.node;
    const ours = known !== undefined && this.#isOurs(known);
    const stampedBefore = ours && fresh?.createIndex === known.createIndex;
    // A name that is free, and was so before, needs no memory.
    if (fresh === undefined && before?.node === undefined && before?.certain) this.#known.delete(name);
    else {
      const gone = fresh && reaped(known, fresh);
      const node = fresh && {
        ...withKnownInstances(fresh, known),
        stampedBefore,
        ...(gone === undefined ? {} : { reaped: gone }),
      };
      this.#known.set(name, { node, certain: true, index });
    }
    return ours && before?.certain === true ? drift(known, fresh) : [];
  }

  #keep(name: ConsulNodeName, results: readonly ChangeResult[]): void {
    const applied = results.flatMap(({ change, outcome }) =>
      outcome.kind === 'committed' ? [{ change, entries: outcome.entries }] : [],
    );
    const known = this.#known.get(name);
    const written = new Map(
      applied.flatMap(({ change }) =>
        change.kind === 'put-instance' ? [[change.instance.id, change.instance]] : [],
      ),
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

  #isOurs(node: ObservedNode): boolean {
    return nodeOwnership(node, this.#owner) === 'ours';
  }
}

/** An instance that is not there any more. Under its id in another case it is: Consul has one entry for both. */
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
