import type { ServiceInstance } from './instance.ts';
import { instanceKey } from './instance.ts';

/** `young`: just arrived, perhaps still warming up; `adult`: take it like any other. */
export type Age = 'young' | 'adult';

export interface PoolMember extends ServiceInstance {
  readonly age: Age;
}

/** When the instances of a pool grow up, by instance key, in milliseconds of the clock. */
export type Coming = ReadonlyMap<string, number>;

/** The pool's memory after `instances` were seen at `now`: who is new gets `youngMs`, who left is forgotten. */
export function comingOf(
  before: Coming,
  instances: readonly ServiceInstance[],
  now: number,
  youngMs: number,
): Coming {
  return new Map(
    instances.map((instance) => {
      const key = instanceKey(instance);
      return [key, before.get(key) ?? now + youngMs];
    }),
  );
}

/** What the instance says of itself in meta `service_state`; undefined when it says nothing. */
export function saidAge({ meta }: ServiceInstance): Age | undefined {
  const said = meta['service_state'];
  return said === 'young' || said === 'adult' ? said : undefined;
}

/** What the instance says of itself wins; else time tells. */
function ageOf(instance: ServiceInstance, adultAt: number, now: number): Age {
  return saidAge(instance) ?? (now >= adultAt ? 'adult' : 'young');
}

/** The members of the pool at `now`, in the order of `instances`. */
export function membersOf(
  instances: readonly ServiceInstance[],
  coming: Coming,
  now: number,
): readonly PoolMember[] {
  return Object.freeze(
    instances.map((instance) =>
      Object.freeze({ ...instance, age: ageOf(instance, coming.get(instanceKey(instance)) ?? now, now) }),
    ),
  );
}

/** When the next instance grows up after `now`; undefined when none will. */
export function nextComing(coming: Coming, now: number): number | undefined {
  const ahead = [...coming.values()].filter((at) => at > now);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}
