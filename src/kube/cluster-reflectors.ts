import type { Clock } from '../lib/clock.ts';
import type { UnreadSource } from '../model/desired-node.ts';
import { routeResources } from '../model/route.ts';
import { promptMs } from './reflector/auditor.ts';
import type { ReflectorStatus } from './reflector/reflector-state.ts';
import { kubeNodeResource, namespaceResource } from './reflector/resource.ts';

/** How often it is checked that the process has not stood still, ms. */
const stallCheckMs = 5_000;

/** A reflector, whatever the kinds of object and record. */
export interface ClusterReflector {
  start(signal: AbortSignal): Promise<void>;
  doubt(since?: number): void;
  readonly doubtfulSince: number | undefined;
  status(): ReflectorStatus;
}

export interface ClusterReflectorsOptions {
  readonly clock: Clock;
  readonly reflectors: readonly ClusterReflector[];
  /** A source was read that could not be read before. */
  readonly onReadable: (resource: UnreadSource['resource']) => void;
}

/** The reflectors of all sources, a source being a kind of object in a namespace or in all, and what they have read. */
export class ClusterReflectors {
  /**
   * Resolves when every source was read or is refused; nothing may be removed from Consul before. Never rejects.
   *
   * Refused sources delay nothing, as long as nodes can be read, where they are watched, and pods in at least one
   * namespace: without these nothing is known of any instance.
   */
  readonly settled: Promise<void>;
  readonly #settle: () => void;
  readonly #clock: Clock;
  readonly #reflectors: readonly ClusterReflector[];
  readonly #ofNodes: ClusterReflector | undefined;
  readonly #onReadable: (resource: UnreadSource['resource']) => void;
  #running: Promise<void> | undefined;
  #isSettled = false;
  #unread: readonly UnreadSource[] = [];

  constructor({ clock, reflectors, onReadable }: ClusterReflectorsOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.#settle = resolve;
    this.#clock = clock;
    this.#reflectors = reflectors;
    this.#ofNodes = reflectors.find((reflector) => reflector.status().resource === kubeNodeResource.name);
    this.#onReadable = onReadable;
  }

  /** Runs all reflectors until the signal aborts; never rejects. Another call returns the same promise. */
  start(signal: AbortSignal): Promise<void> {
    this.#running ??= Promise.all([
      this.#noticeStalls(signal),
      ...this.#reflectors.map((reflector) => reflector.start(signal)),
    ]).then(() => {});
    return this.#running;
  }

  /**
   * A process that stood still, as a virtual machine that is moved, has its watches broken later than the server broke
   * them, so that nothing shows how long they were lost. Everything may be of another history then.
   */
  async #noticeStalls(signal: AbortSignal): Promise<void> {
    for (;;) {
      const since = this.#clock.now();
      await this.#clock.sleep(stallCheckMs, signal).catch(() => {});
      if (signal.aborted) return;
      const lateMs = this.#clock.now() - since - stallCheckMs;
      if (lateMs > promptMs) for (const reflector of this.#reflectors) reflector.doubt(since);
    }
  }

  /** Something shows that the store of this resource may be behind: it is soon compared with the server. */
  doubt(resource: UnreadSource['resource'] | 'nodes'): void {
    for (const reflector of this.#reflectors) if (reflector.status().resource === resource) reflector.doubt();
  }

  /** One entry for each reflector, always in the same order. */
  status(): readonly ReflectorStatus[] {
    return this.#reflectors.map((reflector) => reflector.status());
  }

  /** The sources that still have to be read, or refused, before anything is known of the cluster. */
  get pending(): readonly ReflectorStatus[] {
    if (this.#isSettled) return [];
    const all = this.status();
    const hasPods = all.some(({ resource, synced }) => resource === 'pods' && synced);
    const isNeeded = ({ resource }: ReflectorStatus) =>
      resource === 'nodes' || (resource === 'pods' && !hasPods);
    return all.filter((status) => !status.synced && (!status.refused || isNeeded(status)));
  }

  /**
   * What could never be read. Its objects may exist although the stores do not have them. What the API server does not
   * serve, such as the Gateway API where it is not installed, has none.
   */
  get unread(): readonly UnreadSource[] {
    return this.#unread;
  }

  isUnread(resource: UnreadSource['resource'], namespace: string): boolean {
    return this.unread.some(
      (source) => source.resource === resource && (source.namespace === '' || source.namespace === namespace),
    );
  }

  /**
   * Since when the stores may be of another history, monotonic ms; see Auditor. A source that was never read has nothing
   * there; a namespace may be refused for ever, as after its deletion, and so may the Gateway API. None of these makes
   * the others doubtful.
   */
  get doubtfulSince(): number | undefined {
    let first: number | undefined;
    for (const reflector of this.#reflectors) {
      const { synced, refused, namespace, resource } = reflector.status();
      if (!synced || (refused && (namespace !== '' || isOptional(resource)))) continue;
      const { doubtfulSince } = reflector;
      if (doubtfulSince !== undefined && doubtfulSince < (first ?? Number.POSITIVE_INFINITY))
        first = doubtfulSince;
    }
    return first;
  }

  /** Since when the nodes are watched, monotonic ms; undefined while they are not. Namespaced mode: for ever. */
  get kubeNodesSeenSince(): number | undefined {
    if (this.#ofNodes === undefined) return Number.NEGATIVE_INFINITY;
    const { state } = this.#ofNodes.status();
    return state.kind === 'watching' ? state.since : undefined;
  }

  /** A source was read, or refused. */
  answered(): void {
    const before = this.#unread;
    this.#isSettled = this.pending.length === 0;
    this.#unread = this.status()
      // What is in namespaces that are not known is stale: see desired/.
      .filter(
        ({ synced, notInstalled, resource }) =>
          !synced && !notInstalled && resource !== namespaceResource.name,
      )
      .map(({ resource, namespace }) => ({ resource: resource as UnreadSource['resource'], namespace }));
    for (const { resource, namespace } of before) {
      if (!this.isUnread(resource, namespace)) this.#onReadable(resource);
    }
    if (this.#isSettled) this.#settle();
  }
}

/** Whether the cluster may do without the resource, and the operator without the right to read it. */
const isOptional = (resource: string): boolean => routeResources.some((each) => each === resource);
