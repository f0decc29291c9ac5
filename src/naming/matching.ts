import type { InstanceFilter, Query } from './contract.ts';
import { inOrder, type ServiceInstance } from './instance.ts';

/** `find('web', 'a', 'b')` and `find({ service: 'web', tags: ['a', 'b'] })` are the same query. */
export function toQuery(service: string | Query, tags: readonly string[]): Query {
  const query = typeof service === 'string' ? { service } : service;
  return { ...query, tags: [...(query.tags ?? []), ...tags] };
}

export function passingOnly({ states = ['passing'] }: InstanceFilter): boolean {
  return states !== 'any' && states.every((state) => state === 'passing');
}

/** The `instances` that match `filter`, in order. */
export function matching(
  instances: readonly ServiceInstance[],
  { tags = [], states = ['passing'] }: InstanceFilter,
): readonly ServiceInstance[] {
  return inOrder(
    instances.filter(
      (instance) =>
        (states === 'any' || states.includes(instance.state)) &&
        tags.every((tag) => instance.tags.includes(tag)),
    ),
  );
}
