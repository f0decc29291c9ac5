import type { SharedName } from '../model/desired-node.ts';
import type { ConsulNodeName, ServiceName } from '../model/keys.ts';
import { originKeys } from '../model/origin.ts';

/** The fields of an instance that matter here. */
export interface Placed {
  readonly service: ServiceName;
  readonly meta: Readonly<Record<string, string>>;
}

interface Known {
  readonly name: ServiceName;
  /** On how many nodes each namespace has instances. */
  readonly nodes: Map<string, number>;
  /** The namespaces that last had the name. */
  last: readonly string[];
  takenFrom: readonly string[];
}

/** How many names without instances are remembered, to notice who takes them over. */
const mostForgotten = 10_000;

/**
 * The namespaces that the instances of each Consul service come from, so that a service with several namespaces, or
 * with another one than before, is reported. Case of names does not matter, as in Consul.
 */
export class ServiceNamespaces {
  readonly #services = new Map<string, Known>();
  /** The services of each namespace on a node, in small letters. */
  readonly #byNode = new Map<ConsulNodeName, ReadonlyMap<string, ReadonlySet<string>>>();
  /** Those to be remarked upon. */
  readonly #shared = new Set<string>();
  #version = 0;
  /** How many services have no instances. */
  #forgotten = 0;

  /** Replaces the instances of a node. */
  update(node: ConsulNodeName, instances: Iterable<Placed>): void {
    const before = this.#byNode.get(node);
    const after = new Map<string, Set<string>>();
    for (const { service, meta } of instances) {
      const namespace = meta[originKeys.namespace];
      if (namespace === undefined) continue;
      const key = service.toLowerCase();
      const services = after.get(namespace);
      if (services?.has(key)) continue;
      if (services === undefined) after.set(namespace, new Set([key]));
      else services.add(key);
      if (before?.get(namespace)?.has(key) !== true) this.#enter(key, service, namespace);
    }
    for (const [namespace, services] of before ?? []) {
      for (const key of services) if (after.get(namespace)?.has(key) !== true) this.#leave(key, namespace);
    }
    if (after.size === 0) this.#byNode.delete(node);
    else this.#byNode.set(node, after);
  }

  /** The shared names among the services of these instances, in the given order, each once. */
  remarks(instances: Iterable<Pick<Placed, 'service'>>): SharedName[] {
    if (this.#shared.size === 0) return [];
    const remarks = new Map<string, SharedName>();
    for (const { service } of instances) {
      const key = service.toLowerCase();
      const known = this.#shared.has(key) ? this.#services.get(key) : undefined;
      if (known === undefined) continue;
      const namespaces = [...known.nodes.keys()].sort();
      remarks.set(key, { service: known.name, namespaces, takenFrom: known.takenFrom });
    }
    return [...remarks.values()];
  }

  #enter(key: string, name: ServiceName, namespace: string): void {
    const known = this.#services.get(key) ?? this.#add(key, name);
    if (known.nodes.size === 0) {
      this.#forgotten -= 1;
      known.takenFrom = known.last.length === 0 || known.last.includes(namespace) ? [] : known.last;
    }
    known.nodes.set(namespace, (known.nodes.get(namespace) ?? 0) + 1);
    known.last = [...known.nodes.keys()].sort();
    this.#noteShared(key, known);
  }

  #leave(key: string, namespace: string): void {
    const known = this.#services.get(key);
    if (known === undefined) return;
    const nodes = (known.nodes.get(namespace) ?? 0) - 1;
    if (nodes > 0) {
      known.nodes.set(namespace, nodes);
      return;
    }
    known.nodes.delete(namespace);
    this.#noteShared(key, known);
    if (known.nodes.size > 0) {
      known.last = [...known.nodes.keys()].sort();
      return;
    }
    // The entry moves to the end: the service that lost its instances first is dropped first.
    this.#services.delete(key);
    this.#services.set(key, known);
    this.#forgotten += 1;
    if (this.#forgotten > mostForgotten) this.#dropOldest();
  }

  /** Another number whenever a remark may be another. */
  get version(): number {
    return this.#version;
  }

  #noteShared(key: string, { nodes, takenFrom }: Known): void {
    const isShared = nodes.size > 1 || takenFrom.length > 0;
    if (isShared || this.#shared.has(key)) this.#version += 1;
    if (isShared) this.#shared.add(key);
    else this.#shared.delete(key);
  }

  #add(key: string, name: ServiceName): Known {
    const known: Known = { name, nodes: new Map(), last: [], takenFrom: [] };
    this.#services.set(key, known);
    this.#forgotten += 1;
    return known;
  }

  #dropOldest(): void {
    for (const [key, { nodes }] of this.#services) {
      if (nodes.size > 0) continue;
      this.#services.delete(key);
      this.#shared.delete(key);
      this.#forgotten -= 1;
      return;
    }
  }
}
