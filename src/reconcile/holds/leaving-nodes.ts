import type { Clock } from '../../lib/clock.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import type { Change } from '../../plan/change.ts';
import type { ObservedNode } from '../../plan/observed.ts';
import type { Hold, Reviewed } from './hold.ts';

/** How old the reading may be on which a node is removed, ms. */
const freshMs = 1_000;

/**
 * Nodes that are about to be removed. Whatever is on a node goes with it, and Consul knows no condition for that:
 * a service that somebody else registers there does not move the node's ModifyIndex. So a node is removed only
 * on a reading of the last moment; what comes within the few milliseconds until the removal is lost.
 */
export class LeavingNodes implements Hold {
  readonly #clock: Clock;
  readonly #readings = new Map<
    ConsulNodeName,
    { readonly node: ObservedNode | undefined; readonly at: number }
  >();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The node was read just now. */
  read(name: ConsulNodeName, node: ObservedNode | undefined): void {
    this.#readings.set(name, { node, at: this.#clock.now() });
  }

  /** When these changes remove the node, it has to be read before. Forgets the reading: it counts once. */
  review(name: ConsulNodeName, changes: readonly Change[], node: ObservedNode | undefined): Reviewed {
    const last = this.#readings.get(name);
    this.#readings.delete(name);
    const passed: Reviewed = { changes, held: [] };
    if (!changes.some(({ kind }) => kind === 'delete-node')) return passed;
    const mustRead = last === undefined || last.node !== node || this.#clock.now() - last.at > freshMs;
    return mustRead ? { changes: [], held: [], mustRead } : passed;
  }
}
