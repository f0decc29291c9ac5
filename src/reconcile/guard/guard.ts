import type { ObservedState } from '../../consul/observed-state.ts';
import type { ClusterStores } from '../../kube/cluster-stores.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { DesiredNode } from '../../model/desired-node.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import type { Change } from '../../plan/change.ts';
import type { Held } from '../../plan/finding.ts';
import type { ObservedNode } from '../../plan/observed.ts';
import type { EvidenceBook } from './evidence-book.ts';
import type { GuardOptions } from './guard-options.ts';
import { type GuardedHealth, HealthGuard } from './health-guard.ts';
import { RemovalGuard, type Reviewed } from './removal-guard.ts';
import type { SecondLook } from './second-look.ts';

export interface GuardDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly options: GuardOptions;
  readonly stores: ClusterStores;
  readonly observed: ObservedState;
  readonly book: EvidenceBook;
  readonly look: SecondLook;
  /** Name of the Consul node of a Kubernetes node. */
  readonly nodeName: (kubeNode: string) => ConsulNodeName;
  /** Asks for a node to be reviewed again. */
  readonly touch: (node: ConsulNodeName) => void;
}

/** What a person lets go: everything, or what is on these nodes or of these services. */
export interface Selection {
  readonly all: boolean;
  /** Names of Consul nodes. */
  readonly nodes: readonly string[];
  /** Names of Consul services. */
  readonly services: readonly string[];
}

export interface Released {
  /** Instances that go. */
  readonly removals: number;
  /** Nodes whose loss of health is shown. */
  readonly nodes: number;
}

/**
 * What stands between a plan and Consul: a change that takes instances out of traffic passes when it is
 * explained, and waits for a second look, for its number to fall, or for a person, when it is not.
 */
export class Guard implements Disposable {
  readonly #logger: Logger;
  readonly #observed: ObservedState;
  readonly #book: EvidenceBook;
  readonly #removals: RemovalGuard;
  readonly #health: HealthGuard;
  readonly #subscription: Disposable;

  constructor(dependencies: GuardDependencies) {
    const { stores, observed, book, nodeName, logger } = dependencies;
    this.#logger = logger;
    this.#observed = observed;
    this.#book = book;
    this.#removals = new RemovalGuard({
      ...dependencies,
      view: stores,
      seen: book,
      nodes: () => observed.nodes(),
    });
    this.#health = new HealthGuard({
      ...dependencies,
      view: stores,
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
  reviewHealth(desired: DesiredNode, observed: ObservedNode | undefined): GuardedHealth {
    return this.#health.review(desired, observed);
  }

  /** After the plan and its policy: which removals may be written. */
  reviewRemovals(
    node: ConsulNodeName,
    changes: readonly Change[],
    observed: ObservedNode | undefined,
  ): Reviewed {
    return this.#removals.review(node, changes, observed);
  }

  /** Lets go what is held now. What comes later is judged anew. */
  release({ all, nodes, services }: Selection): Released {
    const selected = ({ node, service }: Pick<Held, 'node' | 'service'>) =>
      all || nodes.includes(node) || services.includes(service);
    const released = {
      removals: this.#removals.release(selected),
      nodes: this.#health.release(selected),
    };
    this.#logger.warn('released by a person', {
      reason: 'Released',
      all,
      of: [...nodes, ...services],
      ...released,
    });
    return released;
  }

  /** Changes were committed, and `observed` holds them. */
  settled(): void {
    this.#removals.settled();
  }

  /** After a full comparison: forgets what was seen of objects of which nothing is registered. */
  sweep(): void {
    if (this.#book.size === 0) return;
    const podUids = new Set<string>();
    const services = new Set<string>();
    for (const { instances } of this.#observed.nodes()) {
      for (const { meta } of instances.values()) {
        if (meta['kube-pod-uid'] !== undefined) podUids.add(meta['kube-pod-uid']);
        if (meta['kube-service'] !== undefined)
          services.add(`${meta['kube-namespace']}/${meta['kube-service']}`);
      }
    }
    this.#book.sweep({ podUids, services });
  }

  /** Looks into what waits, until the signal aborts; then resolves. */
  run(signal: AbortSignal): Promise<void> {
    return this.#removals.run(signal);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.#removals[Symbol.dispose]();
    this.#health[Symbol.dispose]();
  }
}
