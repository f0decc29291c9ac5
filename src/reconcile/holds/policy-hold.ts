import { entryOf } from '../../plan/change.ts';
import { isRemoval, type PolicyName, policies } from '../../plan/policy.ts';
import type { Hold } from './hold.ts';

/** Holds what the policy does not allow, until the configuration is another. */
export const policyHold = (policy: PolicyName): Hold => ({
  review: (_node, changes) => {
    const { written, held } = policies[policy](changes);
    return {
      changes: written,
      held: held.map((change) => ({
        kind: 'held',
        by: 'policy',
        what: isRemoval(change) ? 'removal' : 'write',
        at: entryOf(change),
        because: policy === 'dry-run' ? 'dry-run' : 'upsert-only',
        until: undefined,
        change,
      })),
    };
  },
});
