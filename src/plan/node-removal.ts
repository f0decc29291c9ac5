import type { Change, DeleteNode } from './change.ts';
import type { Because } from './evidence.ts';
import type { ObservedInstance, ObservedNode } from './observed.ts';

/** The removal of the whole node when everything on it may be removed; otherwise of those instances that may. */
export function nodeRemoval(
  change: DeleteNode,
  { instances }: ObservedNode,
  rule: (instance: ObservedInstance) => Because | undefined,
): Change[] {
  const { node } = change;
  const ruled = [...instances.values()].map((instance) => ({ instance, because: rule(instance) }));
  const passed = ruled.flatMap(({ instance: { id, service }, because }) =>
    because === undefined ? [] : [{ kind: 'delete-instance', node, instance: id, service, because } as const],
  );
  if (passed.length < ruled.length) return passed;
  const because = notable.find((each) => passed.some((one) => one.because === each));
  return [because === undefined ? change : { ...change, because }];
}

/** Of several reasons, the one that people should know about comes first. */
const notable: readonly Because[] = [
  'released',
  'confirmed',
  'kubelet-reported',
  'address-reused',
  'node-gone',
  'service-deleted',
  'route-deleted',
  'gateway-deleted',
  'replaced',
  'withdrawn',
  'finished',
  'terminating',
];
