import type { Change } from './change.ts';

/**
 * What of a plan may be written.
 *
 * - `sync`        everything (default)
 * - `upsert-only` nothing is removed
 * - `dry-run`     nothing is written
 */
export type PolicyName = 'sync' | 'upsert-only' | 'dry-run';

export interface Verdict {
  /** In the order they came in. */
  readonly written: readonly Change[];
  readonly held: readonly Change[];
}

export type Policy = (changes: readonly Change[]) => Verdict;

export const policies: Readonly<Record<PolicyName, Policy>> = {
  sync: (changes) => ({ written: changes, held: [] }),
  'upsert-only': (changes) => ({
    written: changes.filter((change) => !isRemoval(change)),
    held: changes.filter(isRemoval),
  }),
  'dry-run': (changes) => ({ written: [], held: changes }),
};

export function isRemoval({ kind }: Change): boolean {
  switch (kind) {
    case 'delete-node':
    case 'delete-instance':
    case 'delete-check':
      return true;
    case 'put-node':
    case 'put-node-check':
    case 'put-instance':
    case 'put-check':
      return false;
  }
}
