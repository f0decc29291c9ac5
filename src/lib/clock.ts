import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Time as the operator sees it. Injected everywhere, so that tests step it and the simulator runs in
 * virtual time. Nothing outside this file calls `Date.now`, `performance.now` or `setTimeout`.
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin: the only base for time-outs, ages and leases. */
  now(): number;
  /** Wall-clock time in milliseconds since 1970: for what people read, never for decisions. */
  wall(): number;
  /** Resolves after `ms`, never earlier by `now()`; rejects with the signal's reason when it aborts first. Leaves no timer behind. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `fn` once after `ms`, never earlier by `now()`, unless the returned timer was disposed before. */
  schedule(ms: number, fn: () => void): Disposable;
  /** Lets other work of the event loop run (I/O, timers), then goes on. */
  yield(): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  sleep: (ms, signal) => sleepBy({ schedule }, ms, signal),
  schedule,
  yield: () => nextTurn(),
};

/** `Clock.sleep()` by the timers of a clock. */
export function sleepBy(clock: Pick<Clock, 'schedule'>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer[Symbol.dispose]();
      reject(signal.reason);
    };
    const timer = clock.schedule(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** The longest delay of Node's timers, ms; a longer one would fire at once. */
const longestDelay = 2 ** 31 - 1;

/**
 * Node's timers count whole milliseconds, so a timer may fire up to a millisecond before its time by
 * `performance.now()`. Code that then compares the times would find that it is too early, and no timer is left to
 * wait for. Such a timer is set again for the rest.
 */
function schedule(ms: number, fn: () => void): Disposable {
  const due = performance.now() + ms;
  const fire = () => {
    const left = due - performance.now();
    if (left > 0) timer = start(left);
    else fn();
  };
  const start = (delay: number) => setTimeout(fire, Math.min(Math.ceil(delay), longestDelay));
  let timer = start(ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
