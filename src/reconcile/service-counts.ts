import type { ObservedCheck, ObservedNode } from '../plan/observed.ts';

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
      counts[worse(ofNode, worst(checks.values()))] += 1;
      services.set(service, counts);
    }
  }
  return services;
}

const order = ['passing', 'warning', 'critical'] as const;
type Status = (typeof order)[number];

/** The status that counts of several checks; one Consul does not know counts as critical. */
export function worst(checks: Iterable<ObservedCheck>): Status {
  let found: Status = 'passing';
  for (const { status } of checks)
    found = worse(found, status === 'passing' || status === 'warning' ? status : 'critical');
  return found;
}

const worse = (a: Status, b: Status): Status => (order.indexOf(a) >= order.indexOf(b) ? a : b);
