/**
 * How well an instance is, worst first: `maintenance` (taken out by a person), `critical`, `warning`,
 * `passing`. An instance has the worst state of its checks and of its node's; without checks it is passing.
 */
export type HealthState = 'maintenance' | 'critical' | 'warning' | 'passing';

export const healthStates: readonly HealthState[] = ['maintenance', 'critical', 'warning', 'passing'];

/** One running copy of a service, as a consumer finds it. Frozen. */
export interface ServiceInstance {
  readonly id: string;
  /** The service's name. */
  readonly name: string;
  /** The machine that carries the registration; ids are unique on one node. */
  readonly node: string;
  /** Host name, IPv4 or IPv6 address (without brackets). */
  readonly address: string;
  readonly port: number;
  /** `tcp`, `http`, `grpc`, `ws` …, from meta `protocol`. */
  readonly protocol: string | undefined;
  /** In the order they were registered. */
  readonly tags: readonly string[];
  /** Everything registered, `protocol` and `health_url` among it. */
  readonly meta: Readonly<Record<string, string>>;
  readonly state: HealthState;
  /** Share of the traffic it should get in its present state, relative to the others; 0 or more. */
  readonly weight: number;
}

/** What tells one instance from every other: its node and its id. */
export function instanceKey(instance: Pick<ServiceInstance, 'node' | 'id'>): string {
  return `${instance.node}/${instance.id}`;
}

/** The worst of `states`; passing when there are none. */
export function worstState(states: Iterable<HealthState>): HealthState {
  let worst = healthStates.length - 1;
  for (const state of states) worst = Math.min(worst, healthStates.indexOf(state));
  return healthStates[worst] ?? 'passing';
}

/** Frozen, with frozen tags and meta. */
export function freezeInstance(instance: ServiceInstance): ServiceInstance {
  Object.freeze(instance.tags);
  Object.freeze(instance.meta);
  return Object.freeze(instance);
}

/** The same instances in the order of their keys, so that equal sets are equal lists. */
export function inOrder<T extends ServiceInstance>(instances: Iterable<T>): readonly T[] {
  const keyed = Array.from(instances, (instance) => [instanceKey(instance), instance] as const);
  keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.freeze(keyed.map(([, instance]) => instance));
}
