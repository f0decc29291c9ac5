import type { Change } from './change.ts';

/**
 * The order in which a node's changes are written:
 *
 *   0  a new node, which everything on it needs
 *   1  removals, so that a recreated pod's old instance is gone before or with the new one's coming
 *   2  health changes and new entries: what consumers wait for
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
    case 'delete-check':
      return 1;
    case 'put-node-check':
    case 'put-instance':
    case 'put-check':
      return change.effect === 'update' ? 3 : 2;
  }
}

/** Whether a change may wait behind those of other nodes. */
export function isUrgent(change: Change): boolean {
  return rank(change) < 3;
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
