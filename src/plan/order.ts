import { type Check, isProbe } from '../model/check.ts';
import type { Change, Effect } from './change.ts';

/**
 * The order in which a node's changes are written:
 *
 *   0  a new node, which everything on it needs
 *   1  what brings instances into service: new ones, those that pass again. Consumers wait for it, and what
 *      replaces another instance is there before that one goes
 *   2  what takes them out: removals, losses of health; new ones that are not in service yet
 *   3  the rest
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
      // The others decide then: without it an instance can only be better.
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
  // A probe's status is its prober's to come.
  return checks.every((check) => check.status === 'passing' || isProbe(check)) ? 1 : 2;
}

export function compareChanges(a: Change, b: Change): number {
  return rank(a) - rank(b) || level(a) - level(b) || compareText(idOf(a), idOf(b));
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function level({ kind }: Change): number {
  switch (kind) {
    case 'put-node':
    case 'delete-node':
      return 0;
    case 'put-node-check':
      return 1;
    case 'put-instance':
    case 'delete-instance':
      return 2;
    case 'put-check':
    case 'delete-check':
      return 3;
  }
}

function idOf(change: Change): string {
  switch (change.kind) {
    case 'put-node':
    case 'delete-node':
      return change.node;
    case 'put-node-check':
    case 'put-check':
      return change.check.id;
    case 'put-instance':
      return change.instance.id;
    case 'delete-check':
      return change.check;
    case 'delete-instance':
      return change.instance;
  }
}
