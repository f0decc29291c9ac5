import type { ConsulNodeName } from '../../model/keys.ts';
import type { Change } from '../../plan/change.ts';
import type { Held } from '../../plan/finding.ts';
import type { ObservedNode } from '../../plan/observed.ts';

export interface Reviewed {
  /** What may be written now, in the order it came in. */
  readonly changes: readonly Change[];
  /** What is held, by whom, why, and until when. A change that only waits a moment is in neither list. */
  readonly held: readonly Held[];
  /** The node has to be read before its changes are written. Default false. */
  readonly mustRead?: boolean;
}

/** A reason for which changes are not written now. It holds nothing by itself: each review decides anew. */
export interface Hold {
  review(node: ConsulNodeName, changes: readonly Change[], observed: ObservedNode | undefined): Reviewed;
}

/** The holds one after the other: each reviews what those before it let pass. */
export function reviewInOrder(
  holds: readonly Hold[],
  node: ConsulNodeName,
  changes: readonly Change[],
  observed: ObservedNode | undefined,
): Required<Reviewed> {
  let reviewed: Required<Reviewed> = { changes, held: [], mustRead: false };
  for (const hold of holds) {
    const { changes: passed, held, mustRead = false } = hold.review(node, reviewed.changes, observed);
    reviewed = {
      changes: passed,
      held: [...reviewed.held, ...held],
      mustRead: reviewed.mustRead || mustRead,
    };
  }
  return reviewed;
}
