import { type Check, isProbe } from '../model/check.ts';
import { entryId } from '../model/entry-ref.ts';
import { type Change, type Effect, entryOf } from './change.ts';

/**
 * The order in which a node's changes are written:
 *
 * 0  a new node, which everything on it needs
 * 1  what brings instances into service: new instances, and those that pass again. Consumers wait for it, and a
 *    replacement is there before the replaced instance is removed
 * 2  what takes instances out: removals, losses of health, and new instances that are not in service yet
 * 3  the rest
 *
 * and within a rank node before service before check, then by id.
 */
export function rank(change: Change): 0 | 1 | 2 | 3 {
  switch (change.kind) {
    case 'put-node':
      return change.effect === 'create' ? 0 : 3;
    case 'delete-node':
    case 'delete-instance':
      return 2;
    case 'delete-check':
      // The instance's other checks decide then, so it can only get better.
      return 1;
    case 'put-node-check':
    case 'put-check':
      return rankOf(change.effect, [change.check]);
    case 'put-instance':
      return rankOf(change.effect, change.instance.checks);
  }
}

function rankOf(effect: Effect, checks: readonly Check[]): 1 | 2 | 3 {
  if (effect === 'update') return 3;
  // The prober has yet to find out the status of a probe.
  return checks.every((check) => check.status === 'passing' || isProbe(check)) ? 1 : 2;
}

export function compareChanges(a: Change, b: Change): number {
  const [one, other] = [entryOf(a), entryOf(b)];
  return (
    rank(a) - rank(b) || levels[one.kind] - levels[other.kind] || compareText(entryId(one), entryId(other))
  );
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const levels = { node: 0, 'node-check': 1, instance: 2, 'instance-check': 3 } as const;
