import type { Clock } from './clock.ts';

/**
 * Called in the middle of long work: lets other work run when it is time, and is undefined while it is not. What the
 * operator does for Consul must not wait for what people look at.
 */
export type Pause = () => Promise<void> | undefined;

/** Longest time without letting other work run, in milliseconds. */
const sliceMs = 3;

export function pauseBy(clock: Pick<Clock, 'now' | 'yield'>): Pause {
  let until = clock.now() + sliceMs;
  return () => {
    if (clock.now() < until) return undefined;
    return clock.yield().then(() => {
      until = clock.now() + sliceMs;
    });
  };
}
