import type { Instance } from '../model/instance.ts';
import type { InstanceId } from '../model/keys.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import { quote } from './mistake.ts';
import { problem } from './source.ts';

/** An instance and the object whose annotations ask for it. */
interface Asked {
  readonly instance: Instance;
  readonly object: ObjectRef;
}

/** Two Services ask for the same instance. The problem belongs to the Service that does not get it. */
export function sameBackend({ instance, object }: Asked, winner: Asked): Problem {
  const message =
    `${titleOf(winner.object)} already registers the same endpoints as ${quote(instance.service)} ` +
    `on port ${instance.port}; remove the annotation from one of them`;
  return problem(object, 'Conflict', 'service', message, 'warning');
}

/**
 * Instances of one service with the same address and port that all pass: pods on the host's network, or an endpoint
 * written by hand for a pod that is registered anyway. Consumers see two instances where there is one.
 *
 * `askingFor`: the object whose annotations ask for an instance.
 */
export function sameAddress(
  instances: ReadonlyMap<InstanceId, Instance>,
  askingFor: (id: InstanceId) => ObjectRef,
): Problem[] {
  const seen = new Map<string, Instance>();
  const problems: Problem[] = [];
  for (const one of instances.values()) {
    const { service, address, port, checks } = one;
    if (checks.some(({ status }) => status !== 'passing')) continue;
    const key = placeOf(one);
    const other = seen.get(key);
    if (other === undefined) {
      seen.set(key, one);
      continue;
    }
    const message =
      `${titleOf(askingFor(other.id))} is registered as ${quote(service)} at the same address, ` +
      `${address} port ${port}`;
    problems.push(problem(askingFor(one.id), 'Conflict', 'port', message, 'warning'));
  }
  return problems;
}

/** Whether no two instances are of one service at one address and port, whatever their health. */
export function haveOwnPlaces(instances: ReadonlyMap<InstanceId, Instance>): boolean {
  // Nearly every instance has an address of its own.
  const addresses = new Set<string>();
  for (const { address } of instances.values()) addresses.add(address);
  if (addresses.size === instances.size) return true;
  const places = new Set<string>();
  for (const instance of instances.values()) places.add(placeOf(instance));
  return places.size === instances.size;
}

const placeOf = ({ service, port, address }: Instance): string =>
  `${service.toLowerCase()} ${port} ${address}`;

const titleOf = ({ kind, namespace, name }: ObjectRef): string => `${kind} ${namespace}/${name}`;
