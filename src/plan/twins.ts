import { checkStatus } from '../model/check.ts';
import type { Instance } from '../model/instance.ts';
import { worst } from './health.ts';
import type { ObservedInstance } from './observed.ts';

/** What another program has registered, beside what is wanted for the same address. */
export interface Twins {
  readonly theirs: ObservedInstance;
  /** Undefined: nothing is wanted there. */
  readonly ours: Instance | undefined;
  /** What consumers would find changed, for people. */
  readonly differences: readonly string[];
  /** Why ours does not pass although theirs does; undefined when it passes, too. */
  readonly losesHealth: string | undefined;
}

/** Compares each of their instances with ours for the same service and address. The order is that of `theirs`. */
export function compareTwins(theirs: Iterable<ObservedInstance>, ours: Iterable<Instance>): Twins[] {
  const places = placesOf(ours);
  return [...theirs].map((one) => {
    const there = places.get(placeKey(one, one.address)) ?? [];
    const twin = there.find(({ port }) => port === one.port) ?? there[0];
    if (twin === undefined) return { theirs: one, ours: undefined, differences: [], losesHealth: undefined };
    return { theirs: one, ours: twin, differences: differences(one, twin), losesHealth: lossOf(one, twin) };
  });
}

/** Instances by service and address, tagged addresses included: with dual stack one instance stands for two. */
export function placesOf<Any extends Instance | ObservedInstance>(
  instances: Iterable<Any>,
): Map<string, Any[]> {
  const places = new Map<string, Any[]>();
  for (const instance of instances) {
    const tagged = Object.values(instance.taggedAddresses).map(({ address }) => address);
    for (const address of new Set([instance.address, ...tagged])) {
      const key = placeKey(instance, address);
      const there = places.get(key);
      if (there === undefined) places.set(key, [instance]);
      else there.push(instance);
    }
  }
  return places;
}

/** Consul takes service names that differ in case as one. */
export const placeKey = ({ service }: Pick<Instance, 'service'>, address: string): string =>
  `${service.toLowerCase()}\0${address.toLowerCase()}`;

/** The tags of theirs that ours lacks. */
export const missingTags = (theirs: Pick<Instance, 'tags'>, ours: Pick<Instance, 'tags'>): string[] =>
  theirs.tags.filter((tag) => !ours.tags.includes(tag));

function differences(theirs: ObservedInstance, ours: Instance): string[] {
  const found: string[] = [];
  if (theirs.port !== ours.port) found.push(`port ${theirs.port} becomes ${ours.port}`);
  for (const tag of missingTags(theirs, ours)) found.push(`tag ${JSON.stringify(tag)} is missing`);
  for (const [key, value] of Object.entries(theirs.meta)) {
    const other = ours.meta[key];
    if (other === value) continue;
    const becomes = other === undefined ? 'is missing' : `becomes ${JSON.stringify(other)}`;
    found.push(`meta ${key}=${JSON.stringify(value)} ${becomes}`);
  }
  if (theirs.weights.passing !== ours.weights.passing) {
    found.push(`weight ${theirs.weights.passing} becomes ${ours.weights.passing}`);
  }
  return found;
}

function lossOf(theirs: ObservedInstance, ours: Instance): string | undefined {
  if (worst(theirs.checks.values()) !== 'passing') return undefined;
  return ours.checks.find(({ status }) => checkStatus(status) !== 'passing')?.output;
}
