import type { ConsulNodeName } from '../model/keys.ts';
import type { Problem } from '../model/problem.ts';

/** What changed between two looks at one node. */
export interface ProblemChange {
  readonly appeared: readonly Problem[];
  readonly cleared: readonly Problem[];
}

/**
 * The problems there are now. A problem is told once, however many nodes it shows up on (an annotation of a
 * Service is met again on each of its endpoints' nodes) and however often those are looked at.
 */
export class ProblemBook {
  readonly #byNode = new Map<ConsulNodeName, ReadonlyMap<string, Problem>>();
  readonly #nodesOf = new Map<string, { readonly problem: Problem; nodes: number }>();

  /** Replaces what is known about `node`. */
  update(node: ConsulNodeName, problems: readonly Problem[]): ProblemChange {
    const before = this.#byNode.get(node);
    if (before === undefined && problems.length === 0) return { appeared: [], cleared: [] };
    const after = new Map(problems.map((problem) => [identity(problem), problem]));
    const appeared: Problem[] = [];
    const cleared: Problem[] = [];
    for (const [key, problem] of after) {
      if (before?.has(key)) continue;
      const known = this.#nodesOf.get(key);
      if (known) known.nodes += 1;
      else {
        this.#nodesOf.set(key, { problem, nodes: 1 });
        appeared.push(problem);
      }
    }
    for (const [key, problem] of before ?? []) {
      if (after.has(key)) continue;
      const known = this.#nodesOf.get(key);
      if (known === undefined) continue;
      known.nodes -= 1;
      if (known.nodes > 0) continue;
      this.#nodesOf.delete(key);
      cleared.push(problem);
    }
    if (after.size === 0) this.#byNode.delete(node);
    else this.#byNode.set(node, after);
    return { appeared, cleared };
  }

  *all(): Iterable<Problem> {
    for (const { problem } of this.#nodesOf.values()) yield problem;
  }
}

function identity({ object, reason, field, message }: Problem): string {
  return JSON.stringify([object.kind, object.namespace, object.name, object.uid, reason, field, message]);
}
