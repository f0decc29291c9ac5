import type { ClusterStores } from '../../kube/cluster-stores.ts';
import type { ConsistentReads } from '../../kube/consistent-reads.ts';
import type { Clock } from '../../lib/clock.ts';
import { counted } from '../../lib/counted.ts';
import { pauseBy } from '../../lib/pause.ts';
import type { Random } from '../../lib/random.ts';
import { forever } from '../../lib/retry.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { Logger } from '../../logging/logger.ts';
import type { DesiredNode } from '../../model/desired-node.ts';
import type { OfInstance } from '../../model/entry-ref.ts';
import type { ConsulNodeName, InstanceId } from '../../model/keys.ts';
import { originOf } from '../../model/origin.ts';
import { parseRoute } from '../../model/route.ts';
import type { Change } from '../../plan/change.ts';
import type { ObservedNode } from '../../plan/observed.ts';
import type { ObservedState } from '../../registry/observed-state.ts';
import type { GuardOptions } from './guard-options.ts';
import { type GuardedHealth, HealthGuard } from './health-guard.ts';
import type { Hold, Reviewed } from './hold.ts';
import { RemovalGuard } from './removal-guard.ts';
import { Steadiness } from './steadiness.ts';
import { routeKey, type Tombstones } from './tombstones.ts';

export interface GuardDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly options: GuardOptions;
  readonly stores: ClusterStores;
  readonly observed: ObservedState;
  readonly book: Tombstones;
  readonly reads: ConsistentReads;
  /** Whether nodes and the Leases of their kubelets may be read: not in namespaced mode. */
  readonly readsNodes: boolean;
  /** Name of the Consul node of a Kubernetes node. */
  readonly nodeName: (kubeNode: string) => ConsulNodeName;
  /** Asks for a node to be reviewed again. */
  readonly touch: (node: ConsulNodeName) => void;
  /** The same after `ms`. */
  readonly touchAfter: (node: ConsulNodeName, ms: number) => void;
}

/** What a person releases or pins: everything, or what is on these nodes or of these services. */
export interface Selection {
  /** It is to stay as it is until it is released, whatever proves it and however long it takes. Default false. */
  readonly pin?: boolean | undefined;
  readonly all: boolean;
  /** Names of Consul nodes. */
  readonly nodes: readonly string[];
  /** Names of Consul services. */
  readonly services: readonly string[];
}

export interface Released {
  /** Instances that go, or stay. */
  readonly removals: number;
  /** Nodes whose loss of health is shown, or is not. */
  readonly nodes: number;
}

/**
 * What stands between a plan and Consul: a change that takes instances out of traffic passes when it is explained.
 * Otherwise it is held, when it is one of many, until it is proved, or for so long that nothing else is left to
 * wait for.
 */
export class Guard implements Hold, Disposable {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #observed: ObservedState;
  readonly #book: Tombstones;
  readonly #removals: RemovalGuard;
  readonly #health: HealthGuard;
  readonly #subscription: Disposable;
  readonly #sweeping: Wakeup;

  constructor(dependencies: GuardDependencies) {
    const { clock, stores, observed, book, nodeName, logger } = dependencies;
    this.#clock = clock;
    this.#sweeping = new Wakeup(clock);
    this.#logger = logger;
    this.#observed = observed;
    this.#book = book;
    const steadiness = new Steadiness({
      clock,
      isTroubled: () => stores.reflectors.doubtfulSince !== undefined,
      wentBackAt: () => book.wentBackAt,
    });
    this.#removals = new RemovalGuard({
      ...dependencies,
      view: stores,
      seen: book,
      steadiness,
      isWatched: () => this.#health.isHolding,
      nodes: () => observed.nodes(),
    });
    this.#health = new HealthGuard({
      ...dependencies,
      view: stores,
      steadiness,
      nodes: () => observed.nodes(),
      node: (name) => observed.node(name),
    });
    for (const { name, ready } of stores.kubeNodes.records()) {
      this.#health.nodeChanged(nodeName(name), ready === 'True');
    }
    this.#subscription = stores.kubeNodes.subscribe((before, after) => {
      this.#health.nodeChanged(nodeName((after ?? before)!.name), after && after.ready === 'True');
    });
  }

  /** Before the plan: what is wanted of a node's health. */
  reviewHealth(
    desired: DesiredNode,
    observed: ObservedNode | undefined,
    unsettled?: ReadonlySet<InstanceId>,
  ): GuardedHealth {
    return this.#health.review(desired, observed, unsettled);
  }

  /** After the plan and its policy: which removals may be written. */
  review(node: ConsulNodeName, changes: readonly Change[], observed: ObservedNode | undefined): Reviewed {
    return this.#removals.review(node, changes, observed);
  }

  /** Releases, or pins, what is held now. What comes later is judged anew. */
  release({ all, nodes, services, pin = false }: Selection): Released {
    const order = pin ? 'pin' : 'release';
    const selected = ({ node, service }: Pick<OfInstance, 'node' | 'service'>) =>
      all || nodes.includes(node) || services.includes(service);
    const released = {
      removals: this.#removals.order(order, selected),
      nodes: this.#health.order(order, selected),
    };
    const { removals, nodes: lost } = released;
    const what = `${counted(removals, 'removal')} and the health of ${counted(lost, 'node')}`;
    this.#logger.warn(`a person ${pin ? 'pinned' : 'released'} ${what}`, {
      reason: pin ? 'Pinned' : 'Released',
      all,
      of: [...nodes, ...services],
      ...released,
    });
    return released;
  }

  /** After a full comparison: has forgotten what was seen of objects of which nothing is registered. */
  sweep(): void {
    this.#sweeping.notify();
  }

  /** Looks into what waits, until the signal aborts; then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const sweep = async () => {
      await this.#sweeping.wait(undefined, signal);
      await this.#sweep();
    };
    await Promise.all([this.#removals.run(signal), forever(sweep, signal)]);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.#removals[Symbol.dispose]();
  }

  /** In slices: everything that is registered is looked at. */
  async #sweep(): Promise<void> {
    if (this.#book.size === 0) return;
    const pause = pauseBy(this.#clock);
    const podUids = new Set<string>();
    const services = new Set<string>();
    const routes = new Set<string>();
    for (const { instances } of this.#observed.nodes()) {
      for (const { meta } of instances.values()) {
        const { namespace, podUid, service, route, gateway } = originOf(meta);
        const asking = parseRoute(route);
        if (podUid !== '') podUids.add(podUid);
        if (service !== '') services.add(`${namespace}/${service}`);
        if (asking !== undefined) routes.add(routeKey(asking.kind, namespace, asking.name));
        if (gateway !== '') routes.add(`Gateway/${gateway}`);
      }
      const due = pause();
      if (due !== undefined) await due;
    }
    this.#book.sweep({ podUids, services, routes });
  }
}
