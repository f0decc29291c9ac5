/**
 * The health of an instance, worst first: `maintenance` (taken out by a person), `critical`, `warning`, `passing`.
 * It is the worst state of the checks of the instance and of its node; without checks it is passing.
 */
export type HealthState = 'maintenance' | 'critical' | 'warning' | 'passing';

export const healthStates: readonly HealthState[] = ['maintenance', 'critical', 'warning', 'passing'];

/** One instance of a service, as a consumer finds it. Frozen. */
export interface ServiceInstance {
  readonly id: string;
  /** The service's name. */
  readonly name: string;
  /** The Consul node on which it is registered; ids are unique within a node. */
  readonly node: string;
  /** Host name, IPv4 or IPv6 address (without brackets). */
  readonly address: string;
  readonly port: number;
  /** `tcp`, `http`, `grpc`, `ws` …, from meta `protocol`. */
  readonly protocol: string | undefined;
  /** In the order they were registered. */
  readonly tags: readonly string[];
  /** The whole meta, with `protocol` and `health_url`. */
  readonly meta: Readonly<Record<string, string>>;
  readonly state: HealthState;
  /** Its share of the traffic in its present state, relative to the others; 0 or more. */
  readonly weight: number;
}

/** Identifies an instance: its node and its id. */
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

/** The same instances sorted by key, so that equal sets give equal lists. */
export function inOrder<T extends ServiceInstance>(instances: Iterable<T>): readonly T[] {
  const keyed = Array.from(instances, (instance) => [instanceKey(instance), instance] as const);
  keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.freeze(keyed.map(([, instance]) => instance));
}
