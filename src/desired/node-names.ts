import type { ConsulNodeName } from '../model/keys.ts';
import { consulNodeNameOf } from './node-entry.ts';

/** The Kubernetes node ('' = none) that a Consul node stands for, of all nodes that events have named. */
export class NodeNames {
  readonly clusterName: string;
  readonly #kubeNodes = new Map<ConsulNodeName, string>();

  constructor(clusterName: string) {
    this.clusterName = clusterName;
  }

  /** Adds a Kubernetes node, and returns the name of its Consul node. */
  add(kubeNode: string): ConsulNodeName {
    const name = consulNodeNameOf(kubeNode, this.clusterName);
    this.#kubeNodes.set(name, kubeNode);
    return name;
  }

  get(name: ConsulNodeName): string | undefined {
    return this.#kubeNodes.get(name);
  }

  delete(name: ConsulNodeName): void {
    this.#kubeNodes.delete(name);
  }

  get size(): number {
    return this.#kubeNodes.size;
  }

  all(): Iterable<ConsulNodeName> {
    return this.#kubeNodes.keys();
  }
}
