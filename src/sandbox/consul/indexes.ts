import type { Write } from './write.ts';

/**
 * The table of named raft indexes from which `X-Consul-Index` is read: one for each table (`nodes`,
 * `services`, `checks`, `kvs`, `sessions`), one for each service name and node, and two that remember the
 * last time a service name or a node ceased to exist.
 */
export class Indexes {
  #values = new Map<string, number>();

  get(name: string): number | undefined {
    return this.#values.get(name);
  }

  max(...names: string[]): number {
    return Math.max(0, ...names.map((name) => this.#values.get(name) ?? 0));
  }

  topic(name: string): string {
    return `index/${name}`;
  }

  bump(write: Write, name: string): void {
    const before = this.#values.get(name);
    if (before !== undefined && before >= write.index) return;
    this.#set(name, write.index);
    write.touch(this.topic(name));
    write.onRollback(() => this.#set(name, before));
  }

  delete(write: Write, name: string): void {
    const before = this.#values.get(name);
    if (before === undefined) return;
    this.#set(name, undefined);
    write.touch(this.topic(name));
    write.onRollback(() => this.#set(name, before));
  }

  entries(): [string, number][] {
    return [...this.#values];
  }

  /** Replaces everything, outside any write: a restored snapshot. */
  reset(entries: Iterable<readonly [string, number]>): void {
    this.#values = new Map(entries);
  }

  #set(name: string, value: number | undefined): void {
    if (value === undefined) this.#values.delete(name);
    else this.#values.set(name, value);
  }
}

export const serviceExtinction = 'service_last_extinction';
export const nodeExtinction = 'node_last_extinction';
export const serviceIndex = (service: string): string => `service.${service}`;
export const nodeIndex = (node: string): string => `node.${node}`;
/** Moves with every event of a service's stream, also when its index above is removed with its last instance. */
export const streamIndex = (service: string): string => `stream.${service}`;
