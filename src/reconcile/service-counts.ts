import { checkStatuses } from '../model/check.ts';
import { worseOf, worst } from '../plan/health.ts';
import type { ObservedNode } from '../plan/observed.ts';

export interface StatusCounts {
  passing: number;
  warning: number;
  critical: number;
}

/** Instances by service and by what Consul's health endpoint says of them: the worst of instance and node. */
export function countServices(nodes: Iterable<ObservedNode>): ReadonlyMap<string, StatusCounts> {
  const services = new Map<string, StatusCounts>();
  for (const node of nodes) {
    const ofNode = worst(node.checks.values());
    for (const { service, checks } of node.instances.values()) {
      const counts = services.get(service) ?? { passing: 0, warning: 0, critical: 0 };
      counts[worseOf(ofNode, worst(checks.values()))] += 1;
      services.set(service, counts);
    }
  }
  return services;
}

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
      .map(([service, counts]) => ({ service, size: counts.passing + counts.warning + counts.critical }))
      .sort((a, b) => b.size - a.size || (a.service < b.service ? -1 : 1))
      .map(({ service }) => service);
    return new Set([...stay, ...come].slice(0, this.#most));
  }
}
