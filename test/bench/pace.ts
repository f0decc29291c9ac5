import { setTimeout as sleep } from 'node:timers/promises';
import { now } from './json-request.ts';

export interface Pace {
  readonly perSecond: number;
  /** Default: until the signal aborts. */
  readonly times?: number;
  readonly signal?: AbortSignal;
}

/** Does the same so often a second, with the number of the turn; what was late is made up for. */
export async function atPace(
  { perSecond, times, signal }: Pace,
  step: (turn: number) => void,
): Promise<void> {
  const begun = now();
  for (let turn = 0; turn < (times ?? Number.POSITIVE_INFINITY); turn += 1) {
    const due = begun + (turn * 1_000) / perSecond - now();
    if (due > 1) await sleep(due);
    if (signal?.aborted) return;
    step(turn);
  }
}
