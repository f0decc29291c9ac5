import type { ServiceInstance } from './instance.ts';
import { instanceKey } from './instance.ts';

/** `young`: new, perhaps still warming up; `adult`: like any other. */
export type Age = 'young' | 'adult';

export interface PoolMember extends ServiceInstance {
  readonly age: Age;
}

/** When each instance of a pool becomes adult: clock time in milliseconds, by instance key. */
export type AdultTimes = ReadonlyMap<string, number>;

/** The times after `instances` were seen at `now`: a new one becomes adult in `youngMs`, one that left is dropped. */
export function adultTimes(
  before: AdultTimes,
  instances: readonly ServiceInstance[],
  now: number,
  youngMs: number,
): AdultTimes {
  return new Map(
    instances.map((instance) => {
      const key = instanceKey(instance);
      return [key, before.get(key) ?? now + youngMs];
    }),
  );
}

/** The age in meta `service_state`; undefined without one. */
export function declaredAge({ meta }: ServiceInstance): Age | undefined {
  const declared = meta['service_state'];
  return declared === 'young' || declared === 'adult' ? declared : undefined;
}

/** The declared age; without one, the age by the clock. */
function ageOf(instance: ServiceInstance, adultAt: number, now: number): Age {
  return declaredAge(instance) ?? (now >= adultAt ? 'adult' : 'young');
}

/** The members of the pool at `now`, in the order of `instances`. */
export function membersOf(
  instances: readonly ServiceInstance[],
  times: AdultTimes,
  now: number,
): readonly PoolMember[] {
  return Object.freeze(
    instances.map((instance) =>
      Object.freeze({ ...instance, age: ageOf(instance, times.get(instanceKey(instance)) ?? now, now) }),
    ),
  );
}

/** When the next instance becomes adult after `now`; undefined when none will. */
export function nextAdultTime(times: AdultTimes, now: number): number | undefined {
  const ahead = [...times.values()].filter((at) => at > now);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}
