import type { ClusterView } from '../desired/cluster-view.ts';
import type { Desired } from '../desired/desired.ts';
import type { Handover } from '../desired/handovers.ts';
import { consulNodeNameOf } from '../desired/node-entry.ts';
import type { NodeNames } from '../desired/node-names.ts';
import { type Placed, ServiceNamespaces } from '../desired/service-namespaces.ts';
import { warmedUp } from '../desired/warm-up.ts';
import type { DesiredNode, HandedOver, UnreadSource } from '../model/desired-node.ts';
import type { ClusterUid, ConsulNodeName, InstanceId } from '../model/keys.ts';
import type { NodeEntry } from '../model/node-entry.ts';
import { type Origin, originKeys, originOf } from '../model/origin.ts';
import { changedIds } from '../plan/changed-ids.ts';
import { staleSourceOf, unreadSourceOf } from '../plan/kept.ts';
import { movingInstances } from '../plan/moving.ts';
import type { ObservedNode } from '../plan/observed.ts';
import { nodeOwnership } from '../plan/ownership.ts';
import type { ObservedState } from '../registry/observed-state.ts';

export interface DesiredNodesOptions {
  readonly view: ClusterView;
  readonly observed: Pick<ObservedState, 'node' | 'nodes'>;
  /** The parts of the cluster that may not be read; see ClusterReflectors. */
  readonly unread: () => readonly UnreadSource[];
  readonly owner: ClusterUid;
  readonly desired: Desired;
  /** Wall-clock milliseconds: how old instances are that warm up. */
  readonly wall: () => number;
  /** A node is to be computed again after so many milliseconds. Default: ignored. */
  readonly onAging?: (node: ConsulNodeName, inMs: number) => void;
  readonly names: NodeNames;
}

/** A node with nothing on it but what is wanted there. */
interface InPlace {
  readonly wanted: NodeEntry['instances'];
  readonly there: ObservedNode['instances'];
  /** Of the namespaces of services. */
  readonly version: number;
}

const nothingThere: ObservedNode['instances'] = new Map();

const isPlain = ({ stale, moving, handedOver, unread, sharedNames }: DesiredNode): boolean =>
  stale.length === 0 && (moving ?? handedOver ?? unread ?? sharedNames) === undefined;

const isSamePlaced = (a: Placed, b: Placed): boolean =>
  a.service === b.service && a.meta[originKeys.namespace] === b.meta[originKeys.namespace];

/**
 * What each Consul node of this cluster should be, by its name.
 *
 * A node of this cluster whose name is not the one its Kubernetes node has now (the cluster was renamed) is
 * *superseded*: it is removed, but each instance on it only after it is registered on its new node, so that consumers
 * never miss one.
 *
 * Likewise an instance of a Service whose annotation `address` has changed is *handed over*: it stays until all are
 * registered by which the Service is reached now, wherever they are.
 */
export class DesiredNodes {
  readonly #options: DesiredNodesOptions;
  readonly #superseded = new Set<ConsulNodeName>();
  /** Nodes with instances that are handed over, and the nodes that they wait for. */
  readonly #handingOver = new Map<ConsulNodeName, ReadonlySet<ConsulNodeName>>();
  readonly #namespaces = new ServiceNamespaces();
  readonly #inPlace = new Map<ConsulNodeName, InPlace>();

  constructor(options: DesiredNodesOptions) {
    this.#options = options;
    // Until a node is computed, what is registered there counts as wanted.
    for (const { name, instances } of options.observed.nodes()) {
      this.#namespaces.update(name, instances.values());
    }
  }

  of(name: ConsulNodeName): DesiredNode {
    const unread = this.#options.unread();
    const known = this.#of(name);
    const desired = unread.length === 0 ? known : { ...known, unread };
    if (this.#isInPlace(desired)) return desired;
    const placed = this.#placed(desired);
    this.#namespaces.update(name, placed);
    const sharedNames = this.#namespaces.remarks(placed);
    this.#noteInPlace(sharedNames.length === 0 ? desired : { ...desired, sharedNames });
    return sharedNames.length === 0 ? desired : { ...desired, sharedNames };
  }

  #of(name: ConsulNodeName): DesiredNode {
    const { names, observed, wall, onAging } = this.#options;
    const kubeNode = names.get(name) ?? this.#kubeNodeOf(name);
    if (kubeNode === undefined) return this.#ofSuperseded(name);
    this.#superseded.delete(name);
    const { node, nextInMs } = warmedUp(this.#grown(kubeNode), wall());
    if (nextInMs !== undefined) onAging?.(name, nextInMs);
    if (this.#isInPlace(node)) return node;
    const handedOver = this.#handedOver(name, node);
    if (handedOver.size > 0) return { ...node, handedOver };
    const isGone = node.entry === undefined && observed.node(name) === undefined;
    if (isGone && node.problems.length === 0) names.delete(name);
    return node;
  }

  /** The node with every instance at its full weight. */
  #grown(kubeNode: string): DesiredNode {
    const { desired, view } = this.#options;
    return desired(kubeNode, view);
  }

  /**
   * Whether nothing but single instances are other ones than in the last look, which found that everything on the node is
   * wanted there, and that no service on it is shared: then that is still so.
   */
  #isInPlace(node: DesiredNode): boolean {
    const { name, entry } = node;
    const last = this.#inPlace.get(name);
    if (last === undefined || last.version !== this.#namespaces.version) return false;
    if (entry === undefined || !isPlain(node)) return false;
    for (const id of changedIds(last.wanted, entry.instances)) {
      const [before, after] = [last.wanted.get(id), entry.instances.get(id)];
      if (before === undefined || after === undefined || !isSamePlaced(before, after)) return false;
    }
    const there = this.#thereOn(name);
    for (const id of changedIds(last.there, there)) {
      if (there.has(id) && !entry.instances.has(id)) return false;
    }
    this.#inPlace.set(name, { ...last, wanted: entry.instances, there });
    return true;
  }

  #noteInPlace(node: DesiredNode): void {
    const { name, entry } = node;
    const there = this.#thereOn(name);
    const isWanted = (id: InstanceId) => entry?.instances.has(id) === true;
    if (entry !== undefined && isPlain(node) && [...there.keys()].every(isWanted))
      this.#inPlace.set(name, { wanted: entry.instances, there, version: this.#namespaces.version });
    else this.#inPlace.delete(name);
  }

  #thereOn(name: ConsulNodeName): ObservedNode['instances'] {
    return this.#options.observed.node(name)?.instances ?? nothingThere;
  }

  /** What will be on the node: what is wanted, and what stays although it is not wanted. */
  #placed({ name, entry, stale, moving, unread = [] }: DesiredNode): Placed[] {
    const wanted: Placed[] = [...(entry?.instances.values() ?? [])];
    if (moving !== undefined) wanted.push(...moving.values());
    if (stale.length === 0 && unread.length === 0) return wanted;
    for (const instance of this.#options.observed.node(name)?.instances.values() ?? []) {
      const isWanted = entry?.instances.has(instance.id) === true;
      const isKept =
        staleSourceOf(instance, stale) !== undefined || unreadSourceOf(instance, unread) !== undefined;
      if (!isWanted && isKept) wanted.push(instance);
    }
    return wanted;
  }

  /** Nodes that wait for `name`: to be computed again whenever that one may have changed. */
  waitingFor(name: ConsulNodeName): readonly ConsulNodeName[] {
    if (this.#superseded.size === 0 && this.#handingOver.size === 0) return [];
    const superseded = [...this.#superseded].filter((old) => this.#targetsOf(old).has(name));
    const handingOver = [...this.#handingOver].flatMap(([old, targets]) => (targets.has(name) ? [old] : []));
    return [...superseded, ...handingOver];
  }

  /** The instances on a node that stay until others have taken their place. */
  #handedOver(name: ConsulNodeName, { entry }: DesiredNode): ReadonlyMap<InstanceId, HandedOver> {
    const { desired, observed, view } = this.#options;
    const kept = new Map<InstanceId, HandedOver>();
    const targets = new Set<ConsulNodeName>();
    /** By what is handed over, as all instances of a Service are at once. */
    const taken = new Map<string, boolean>();
    for (const instance of observed.node(name)?.instances.values() ?? []) {
      const { id, service, meta } = instance;
      if (entry?.instances.has(id) === true || meta[originKeys.service] === undefined) continue;
      const handover = desired.handovers(instance, view);
      if (handover === undefined) continue;
      const origin = originOf(meta);
      const key = JSON.stringify([origin.namespace, origin.service, service.toLowerCase()]);
      const isTaken = taken.get(key) ?? this.#isTakenOver(origin, handover, targets);
      taken.set(key, isTaken);
      if (!isTaken) kept.set(id, handover);
    }
    if (kept.size > 0) this.#handingOver.set(name, targets);
    else this.#handingOver.delete(name);
    return kept;
  }

  /** Whether all that take its place are registered, and there are any. Notes the nodes that this depends on. */
  #isTakenOver(
    { namespace, service }: Pick<Origin, 'namespace' | 'service'>,
    { to, isSuccessor, mayBeNone }: Handover,
    targets: Set<ConsulNodeName>,
  ): boolean {
    const { names, observed } = this.#options;
    const nodes = [...(to ?? this.#kubeNodes())].map((kubeNode) => ({
      kubeNode,
      name: consulNodeNameOf(kubeNode, names.clusterName),
    }));
    for (const { name } of nodes) targets.add(name);
    let isNone = true;
    for (const { kubeNode, name } of nodes) {
      const there = observed.node(name);
      const { entry, stale } = this.#grown(kubeNode);
      // What is asked for cannot be registered: everything stays as it is.
      if (stale.some((source) => source.namespace === namespace && source.kubeService === service))
        return false;
      for (const wanted of entry?.instances.values() ?? []) {
        if (!isSuccessor(wanted)) continue;
        if (!this.#isOwned(there) || !there.instances.has(wanted.id)) return false;
        isNone = false;
      }
    }
    return mayBeNone || !isNone;
  }

  /** All Kubernetes nodes, and '' for what is on none. */
  *#kubeNodes(): Iterable<string> {
    const { names } = this.#options;
    for (const name of names.all()) {
      const kubeNode = names.get(name);
      if (kubeNode !== undefined) yield kubeNode;
    }
  }

  #ofSuperseded(name: ConsulNodeName): DesiredNode {
    const { observed, names, wall } = this.#options;
    const gone = { name, entry: undefined, stale: [], problems: [] };
    const old = observed.node(name);
    if (!this.#isOwned(old)) {
      this.#superseded.delete(name);
      return gone;
    }
    this.#superseded.add(name);
    const targets = [...this.#targetsOf(name).values()].map((kubeNode) => {
      const there = observed.node(consulNodeNameOf(kubeNode, names.clusterName));
      return {
        desired: warmedUp(this.#grown(kubeNode), wall()).node,
        observed: this.#isOwned(there) ? there : undefined,
      };
    });
    const stale = targets.flatMap((target) => target.desired.stale);
    return { ...gone, stale, moving: movingInstances(old, targets) };
  }

  /** The nodes that instances on an old one belong to now. Its own meta may be an outsider's by now. */
  #targetsOf(old: ConsulNodeName): Map<ConsulNodeName, string> {
    const { observed, names } = this.#options;
    const node = observed.node(old);
    const kubeNodes = new Set([node?.meta[originKeys.node] ?? '']);
    for (const { meta } of node?.instances.values() ?? []) kubeNodes.add(meta[originKeys.node] ?? '');
    return new Map(
      [...kubeNodes].map((kubeNode) => [consulNodeNameOf(kubeNode, names.clusterName), kubeNode]),
    );
  }

  /** The Kubernetes node of an owned Consul node that no event has named since the start. */
  #kubeNodeOf(name: ConsulNodeName): string | undefined {
    const { observed, names } = this.#options;
    const kubeNode = observed.node(name)?.meta[originKeys.node] ?? '';
    return consulNodeNameOf(kubeNode, names.clusterName) === name ? kubeNode : undefined;
  }

  #isOwned(node: ObservedNode | undefined): node is ObservedNode {
    return node !== undefined && nodeOwnership(node, this.#options.owner) === 'ours';
  }
}
