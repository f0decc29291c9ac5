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
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. Leaves no timer behind. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `fn` once after `ms` unless the returned timer was disposed before. */
  schedule(ms: number, fn: () => void): Disposable;
  /** Lets other work of the event loop run (I/O, timers), then goes on. */
  yield(): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  },
  schedule(ms, fn) {
    const timer = setTimeout(fn, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  yield: () => nextTurn(),
};
