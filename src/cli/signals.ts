import { constants } from 'node:os';
import { RegistrarError } from '../lib/errors.ts';

const ending = ['SIGINT', 'SIGTERM'] as const;
const endingOnTerminal = [...ending, 'SIGHUP'] as const;

/** What emits signals: the process. */
export interface SignalEmitter {
  on(signal: (typeof endingOnTerminal)[number], listener: () => void): unknown;
}

export interface SignalOptions {
  readonly exit: (code: number) => void;
  /** Whether its output is a terminal: then the end of that is a signal, too. Elsewhere nohup has to work. */
  readonly onTerminal: boolean;
}

/**
 * A signal that aborts at the first SIGINT, SIGTERM or SIGHUP, so that what runs can finish. The second calls `exit`
 * at once, with 128 + its number as shells do.
 */
export function abortOnSignals(emitter: SignalEmitter, { exit, onTerminal }: SignalOptions): AbortSignal {
  const abort = new AbortController();
  for (const name of onTerminal ? endingOnTerminal : ending) {
    emitter.on(name, () => {
      if (abort.signal.aborted) exit(128 + constants.signals[name]);
      else abort.abort(new RegistrarError('aborted', `ended by ${name}`));
    });
  }
  return abort.signal;
}

/** What is written to: the standard output. */
export interface ClosableOutput {
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** A signal that aborts when nobody reads the output any more (`… | head`), so that what runs can clean up. */
export function abortWhenClosed(output: ClosableOutput): AbortSignal {
  const abort = new AbortController();
  output.on('error', (cause) => {
    abort.abort(new RegistrarError('aborted', 'its output was closed', { cause }));
  });
  return abort.signal;
}
