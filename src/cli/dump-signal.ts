/** What emits the signal: the process. */
export interface DumpEmitter {
  on(signal: 'SIGUSR2', listener: () => void): unknown;
}

/** Calls `listener` whenever a person asks for a dump, until the result is disposed. */
export type OnDump = (listener: () => void) => Disposable;

/**
 * SIGUSR2 asks for a dump; SIGUSR1 is Node's own, for its inspector. From now on the signal does not end the
 * process, whether anybody listens yet or not.
 */
export function dumpOnSignal(emitter: DumpEmitter): OnDump {
  const listeners = new Set<() => void>();
  emitter.on('SIGUSR2', () => {
    for (const listener of listeners) listener();
  });
  return (listener) => {
    listeners.add(listener);
    return { [Symbol.dispose]: () => listeners.delete(listener) };
  };
}
