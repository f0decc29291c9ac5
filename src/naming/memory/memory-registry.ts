import { type HealthState, inOrder, type ServiceInstance } from '../instance.ts';
import { type Registration, registeredInstance } from '../registration.ts';

interface Entry {
  readonly registration: Registration;
  readonly instance: ServiceInstance;
}

/**
 * The registrations that several MemoryNamings share, and the states that a test sets. Nothing is probed: an instance
 * with a `health_url` stays critical until `setState()` changes it.
 */
export class MemoryRegistry {
  readonly #node: string;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(service: string) => void>();

  /** `node`: the node of all instances. Default `memory`. */
  constructor(node = 'memory') {
    this.#node = node;
  }

  /** All instances of a service, in every state. */
  instances(service: string): readonly ServiceInstance[] {
    return inOrder(
      Array.from(this.#entries.values(), ({ instance }) => instance).filter(({ name }) => name === service),
    );
  }

  put(registration: Registration): void {
    const state = registration.meta?.['health_url'] === undefined ? 'passing' : 'critical';
    this.#set(registration, state);
  }

  /** False when there is no such registration. */
  delete(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) return false;
    this.#entries.delete(id);
    this.#changed(entry.instance.name);
    return true;
  }

  /** Sets the state of a registered instance. Throws when there is none with that id. */
  setState(id: string, state: HealthState): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new Error(`nothing is registered with the id "${id}"`);
    this.#set(entry.registration, state);
  }

  /** Calls `listener` with the name of a service whose instances have changed. */
  onChange(listener: (service: string) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #set(registration: Registration, state: HealthState): void {
    const before = this.#entries.get(registration.id)?.instance.name;
    const instance = registeredInstance(registration, this.#node, state);
    this.#entries.set(registration.id, { registration: structuredClone(registration), instance });
    if (before !== undefined && before !== instance.name) this.#changed(before);
    this.#changed(instance.name);
  }

  #changed(service: string): void {
    for (const listener of [...this.#listeners]) listener(service);
  }
}
