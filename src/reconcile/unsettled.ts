import type { DesiredNode } from '../model/desired-node.ts';
import type { ConsulNodeName, InstanceId } from '../model/keys.ts';
import type { NodeEntry } from '../model/node-entry.ts';
import { changedIds } from '../plan/changed-ids.ts';
import type { ObservedNode } from '../plan/observed.ts';
import type { RegistryFeatures } from '../plan/registry-features.ts';

/** What a review of a node compared, and what it had something to say about. */
interface Reviewed {
  readonly wanted: NodeEntry['instances'];
  readonly observed: ObservedNode['instances'];
  readonly features: RegistryFeatures;
  readonly left: ReadonlySet<InstanceId>;
}

/** What of a node is compared in a review; undefined: everything. */
export type Unsettled = ReadonlySet<InstanceId> | undefined;

/**
 * The instances of a node that may not be as wanted: those that are other objects now than in the last review, wanted or
 * observed, and those that it found different. A change on a node of a hundred instances compares one.
 */
export class UnsettledInstances {
  readonly #reviewed = new Map<ConsulNodeName, Reviewed>();

  of(
    { name, entry }: DesiredNode,
    observed: ObservedNode | undefined,
    features: RegistryFeatures,
  ): Unsettled {
    const last = this.#reviewed.get(name);
    if (last === undefined || last.features !== features) return undefined;
    return changedIds(last.wanted, entry?.instances ?? noWanted)
      .union(changedIds(last.observed, observed?.instances ?? noneThere))
      .union(last.left);
  }

  /** The node was reviewed, and all but these instances are as wanted; undefined: that is not known. */
  reviewed(
    { name, entry }: DesiredNode,
    observed: ObservedNode | undefined,
    features: RegistryFeatures,
    left: Unsettled,
  ): void {
    if (left === undefined || entry === undefined) this.#reviewed.delete(name);
    else {
      const there = observed?.instances ?? noneThere;
      this.#reviewed.set(name, { wanted: entry.instances, observed: there, features, left });
    }
  }
}

const noWanted: NodeEntry['instances'] = new Map();
const noneThere: ObservedNode['instances'] = new Map();
