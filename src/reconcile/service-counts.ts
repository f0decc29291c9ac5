import type { Pause } from '../lib/pause.ts';
import { checkStatuses } from '../model/check.ts';
import { worseOf, worst } from '../plan/health.ts';
import type { ObservedNode } from '../plan/observed.ts';

export interface StatusCounts {
  passing: number;
  warning: number;
  critical: number;
}

/**
 * Instances by service and by what Consul's health endpoint says of them: the worst of instance and node. Kept from
 * one look to the next: a node is replaced when it changes, so that one that did not costs nothing.
 */
export class ServiceCounts {
  readonly #nodes: () => Iterable<ObservedNode>;
  readonly #services = new Map<string, StatusCounts>();
  readonly #counted = new Map<string, ObservedNode>();

  /** `nodes`: as they are at the moment. */
  constructor(nodes: () => Iterable<ObservedNode>) {
    this.#nodes = nodes;
  }

  /** As of now. The map changes with the next look. */
  get now(): ReadonlyMap<string, StatusCounts> {
    const names = new Set<string>();
    for (const node of this.#nodes()) {
      names.add(node.name);
      this.#see(node);
    }
    for (const [name, node] of this.#counted) {
      if (names.has(name)) continue;
      this.#count(node, -1);
      this.#counted.delete(name);
    }
    return this.#services;
  }

  /** As of now, after most of what has changed was counted in slices. The map changes with the next look. */
  async inSlices(pause: Pause): Promise<ReadonlyMap<string, StatusCounts>> {
    for (const node of this.#nodes()) {
      this.#see(node);
      const due = pause();
      if (due !== undefined) await due;
    }
    return this.now;
  }

  #see(node: ObservedNode): void {
    const before = this.#counted.get(node.name);
    if (before === node) return;
    if (before !== undefined) this.#count(before, -1);
    this.#count(node, 1);
    this.#counted.set(node.name, node);
  }

  #count(node: ObservedNode, by: 1 | -1): void {
    const ofNode = worst(node.checks.values());
    for (const { service, checks } of node.instances.values()) {
      const counts = this.#services.get(service) ?? { passing: 0, warning: 0, critical: 0 };
      counts[worseOf(ofNode, worst(checks.values()))] += by;
      if (sumOf(counts) === 0) this.#services.delete(service);
      else this.#services.set(service, counts);
    }
  }
}

/** Of all services together. */
export function totalOf(services: ReadonlyMap<string, StatusCounts>): StatusCounts {
  const total = { passing: 0, warning: 0, critical: 0 };
  for (const counts of services.values()) for (const status of checkStatuses) total[status] += counts[status];
  return total;
}

export const sumOf = ({ passing, warning, critical }: StatusCounts): number => passing + warning + critical;

/** Not the name of a service: those have no underscore. */
export const otherServices = '_other';

/**
 * The counts under at most so many names, and those of all further services together as `_other`: whoever may
 * annotate a pod may invent service names, and each would be three series. A service keeps its name as long as it is
 * there; free places go to the largest.
 */
export class NamedServices {
  readonly #most: number;
  #named: ReadonlySet<string> = new Set();

  constructor(most: number) {
    this.#most = most;
  }

  of(services: ReadonlyMap<string, StatusCounts>): ReadonlyMap<string, StatusCounts> {
    this.#named = this.#choose(services);
    if (services.size === this.#named.size) return services;
    const named = new Map<string, StatusCounts>();
    const others: StatusCounts = { passing: 0, warning: 0, critical: 0 };
    for (const [service, counts] of services) {
      if (this.#named.has(service)) named.set(service, counts);
      else for (const status of checkStatuses) others[status] += counts[status];
    }
    return named.set(otherServices, others);
  }

  #choose(services: ReadonlyMap<string, StatusCounts>): ReadonlySet<string> {
    if (services.size <= this.#most) return new Set(services.keys());
    const stay = [...this.#named].filter((service) => services.has(service));
    const staying = new Set(stay);
    const come = [...services]
      .filter(([service]) => !staying.has(service))
      .map(([service, counts]) => ({ service, size: sumOf(counts) }))
      .sort((a, b) => b.size - a.size || (a.service < b.service ? -1 : 1))
      .map(({ service }) => service);
    return new Set([...stay, ...come].slice(0, this.#most));
  }
}
