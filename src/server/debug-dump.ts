import type { ReflectorStatus } from '../kube/reflector/reflector-state.ts';
import { describe } from '../lib/errors.ts';
import type { ObservedNode } from '../plan/observed.ts';
import type { Pending } from '../reconcile/reconciler.ts';
import type { Status } from './status.ts';

export interface DumpInput {
  readonly status: Status;
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly reflectors: readonly ReflectorStatus[];
  readonly observed: readonly ObservedNode[];
  /** Nodes of `observed` that have to be read again before they are written to. */
  readonly unread: number;
  /** Nodes that changed while this process did not lead. */
  readonly unwritten: number;
  readonly evidence: { readonly size: number; readonly regressed: boolean };
  /** Undefined while this process does not write. */
  readonly pending: Pending | undefined;
}

/** Longest list that is shown whole. */
const most = 50;

/** The operator's state for debugging: the content of the status page with long lists cut, and what it rests on. */
export function operatorDump(input: DumpInput): Readonly<Record<string, unknown>> {
  const { status, now, reflectors, observed, unread, unwritten, evidence, pending } = input;
  const { nodes, services, problems, held, drift, changes, reflectors: _lines, ...rest } = status;
  return {
    ...rest,
    nodes: cut(nodes),
    services: cut(services),
    problems: cut(problems),
    held: cut(held),
    drift: cut(drift),
    changes: cut(changes),
    reflectors: cut(reflectors.map((reflector) => reflectorDump(reflector, now))),
    stores: {
      objects: reflectors.reduce((sum, { objects }) => sum + objects, 0),
      nodesInConsul: observed.length,
      instancesInConsul: observed.reduce((sum, { instances }) => sum + instances.size, 0),
      nodesToReadAgain: unread,
      nodesChangedOnStandby: unwritten,
      evidence: evidence.size,
      historyWentBack: evidence.regressed,
    },
    pending: pending ?? null,
  };
}

function cut<Item>(items: readonly Item[]): { readonly count: number; readonly first: readonly Item[] } {
  return { count: items.length, first: items.slice(0, most) };
}

/** Times as ages, in milliseconds. */
function reflectorDump(status: ReflectorStatus, now: number): Readonly<Record<string, unknown>> {
  const { lastError, lastHeardAt, state, ...rest } = status;
  const age = (at: number | undefined) => (at === undefined ? null : Math.round(now - at));
  return {
    ...rest,
    state: { ...state, ...('since' in state ? { since: age(state.since) } : {}) },
    heardMsAgo: age(lastHeardAt),
    error: lastError === undefined ? null : { text: describe(lastError.error), msAgo: age(lastError.at) },
  };
}
