/**
 * A Service whose pods come and go: which of its endpoints are ready, which addresses Consul has passing, and a network
 * in which its pods answer for as long as they are there.
 */
import type { V1EndpointSlice, V1Pod } from '@kubernetes/client-node';
import { type Absence, absences, type Moment } from '../absences.ts';
import type { Consul } from './consul.ts';
import { isPassing, states } from './consul-reads.ts';
import type { KubeApi, KubeList, KubeObject } from './kube-api.ts';
import type { PodNetwork } from './pod-network.ts';
import type { Namespace } from './workloads.ts';

export interface LiveServiceOptions {
  readonly kube: KubeApi;
  readonly consul: Consul;
  readonly namespace: Namespace;
  /** In Consul. */
  readonly service: string;
  readonly network: PodNetwork;
}

export class LiveService implements AsyncDisposable {
  /** The addresses of ready endpoints, whenever they change. */
  readonly ready: Moment[] = [];
  /** The different addresses that pass in Consul. */
  readonly passing: Moment[] = [];
  readonly #options: LiveServiceOptions;
  readonly #ended = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(options: LiveServiceOptions) {
    this.#options = options;
    this.#running = Promise.all([this.#followPods(), this.#followEndpoints(), this.#followConsul()]);
    // It is reported when this is disposed of.
    this.#running.catch(() => {});
  }

  /** Throws what ended it before its time. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  /** How few different addresses passed at any moment. */
  get fewest(): number {
    return Math.min(...this.passing.map(({ addresses }) => addresses.size));
  }

  /** How many different endpoints have been ready so far. */
  get seen(): number {
    return new Set(this.ready.flatMap(({ addresses }) => [...addresses])).size;
  }

  /** Addresses that did not pass in Consul while their endpoints were ready. */
  absences(graceMs: number): Absence[] {
    return absences(this.ready, this.passing, { graceMs, until: performance.now() });
  }

  async #followPods(): Promise<void> {
    const { kube, namespace, network } = this.#options;
    const known = new Map<string, string>();
    await this.#follow<V1Pod & KubeObject>(kube, namespace.podsPath, (name, pod) => {
      const address = pod?.status?.podIP;
      const last = known.get(name);
      if (last !== undefined && last !== address) network.addresses.delete(last);
      if (address === undefined) known.delete(name);
      else {
        known.set(name, address);
        network.addresses.add(address);
      }
    });
  }

  async #followEndpoints(): Promise<void> {
    const { kube, namespace } = this.#options;
    const slices = new Map<string, readonly string[]>();
    await this.#follow<V1EndpointSlice & KubeObject>(kube, namespace.slicesPath, (name, slice) => {
      const ready = (slice?.endpoints ?? []).filter(({ conditions }) => conditions?.ready === true);
      slices.set(
        name,
        ready.flatMap(({ addresses }) => addresses),
      );
      this.ready.push({ at: performance.now(), addresses: new Set([...slices.values()].flat()) });
    });
  }

  async #followConsul(): Promise<void> {
    const { consul, service } = this.#options;
    const { signal } = this.#ended;
    try {
      for await (const entries of states(consul, service, signal)) {
        const addresses = new Set(entries.filter(isPassing).map(({ Service }) => Service.Address));
        this.passing.push({ at: performance.now(), addresses });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Undefined: the object is gone. */
  async #follow<Item extends KubeObject>(
    kube: KubeApi,
    path: string,
    see: (name: string, item: Item | undefined) => void,
  ): Promise<void> {
    const { signal } = this.#ended;
    try {
      const list = await kube.get<KubeList<Item>>(path, { signal });
      for (const item of list.items) see(item.metadata.name ?? '', item);
      for await (const { type, object } of kube.watch<Item>(path, list.metadata.resourceVersion, signal)) {
        if (type === 'ERROR') throw new Error(`the watch of ${path} has ended: ${JSON.stringify(object)}`);
        if (type !== 'BOOKMARK') see(object.metadata.name ?? '', type === 'DELETED' ? undefined : object);
      }
      if (!signal.aborted) throw new Error(`the watch of ${path} has ended`);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
