import { constants } from 'node:os';
import { RegistrarError } from '../lib/errors.ts';

/** What emits signals: the process. */
export interface SignalEmitter {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

/**
 * A signal that aborts at the first SIGINT or SIGTERM, so that what runs can finish. The second calls `exit`
 * at once, with 128 + its number as shells do.
 */
export function abortOnSignals(emitter: SignalEmitter, exit: (code: number) => void): AbortSignal {
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    emitter.on(name, () => {
      if (abort.signal.aborted) exit(128 + constants.signals[name]);
      else abort.abort(new RegistrarError('aborted', `ended by ${name}`));
    });
  }
  return abort.signal;
}
