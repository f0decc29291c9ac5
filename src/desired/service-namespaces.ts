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
  readonly #byNode = new Map<ConsulNodeName, ReadonlySet<string>>();
  /** How many services have no instances. */
  #forgotten = 0;

  /** Replaces the instances of a node. */
  update(node: ConsulNodeName, instances: Iterable<Placed>): void {
    const before = this.#byNode.get(node) ?? new Set();
    const after = new Set<string>();
    for (const { service, meta } of instances) {
      const namespace = meta[originKeys.namespace];
      if (namespace === undefined) continue;
      const pair = `${service.toLowerCase()}\0${namespace}`;
      if (after.has(pair)) continue;
      after.add(pair);
      if (!before.has(pair)) this.#enter(service, namespace);
    }
    for (const pair of before) if (!after.has(pair)) this.#leave(pair);
    if (after.size === 0) this.#byNode.delete(node);
    else this.#byNode.set(node, after);
  }

  /** Those of the services that share a name, in the given order, each once. */
  remarks(services: Iterable<ServiceName>): SharedName[] {
    const remarks = new Map<string, SharedName>();
    for (const service of services) {
      const key = service.toLowerCase();
      const known = this.#services.get(key);
      if (known === undefined || (known.nodes.size < 2 && known.takenFrom.length === 0)) continue;
      const namespaces = [...known.nodes.keys()].sort();
      remarks.set(key, { service: known.name, namespaces, takenFrom: known.takenFrom });
    }
    return [...remarks.values()];
  }

  #enter(name: ServiceName, namespace: string): void {
    const key = name.toLowerCase();
    const known = this.#services.get(key) ?? this.#add(key, name);
    if (known.nodes.size === 0) {
      this.#forgotten -= 1;
      known.takenFrom = known.last.length === 0 || known.last.includes(namespace) ? [] : known.last;
    }
    known.nodes.set(namespace, (known.nodes.get(namespace) ?? 0) + 1);
    known.last = [...known.nodes.keys()].sort();
  }

  #leave(pair: string): void {
    const [key = '', namespace = ''] = pair.split('\0');
    const known = this.#services.get(key);
    if (known === undefined) return;
    const nodes = (known.nodes.get(namespace) ?? 0) - 1;
    if (nodes > 0) {
      known.nodes.set(namespace, nodes);
      return;
    }
    known.nodes.delete(namespace);
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
      this.#forgotten -= 1;
      return;
    }
  }
}
