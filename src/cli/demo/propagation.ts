import type { Clock } from '../../lib/clock.ts';
import type { ObjectStore } from '../../sandbox/kube/store.ts';
import { expectedPassing } from './expected-passing.ts';
import type { ServiceView } from './service-view.ts';
import type { Workload } from './workloads.ts';

interface Pending {
  readonly passing: boolean;
  /** When the API server stored the change, `clock.now()`. */
  readonly since: number;
}

/**
 * Measures how long a change in Kubernetes takes until a consumer of Consul knows it. The time starts when
 * the API server stores the object that makes a pod fit or unfit for traffic, so that the watch's delivery
 * counts, and ends with the consumer's answer that shows it.
 */
export class Propagation implements Disposable {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #workloads: readonly Workload[];
  readonly #subscription: Disposable;
  readonly #expected = new Map<string, ReadonlySet<string>>();
  /** By service and pod uid. Only the last change: an earlier one that was undone is not measured. */
  readonly #pending = new Map<string, Pending>();
  readonly #latencies: number[] = [];

  constructor(store: ObjectStore, clock: Clock, workloads: readonly Workload[]) {
    this.#store = store;
    this.#clock = clock;
    this.#workloads = workloads;
    this.#subscription = store.subscribe(() => this.#changed());
  }

  /** Every latency measured so far, ms, in the order of their ends. */
  get latencies(): readonly number[] {
    return this.#latencies;
  }

  /** A consumer of `service` received this view. */
  seen(service: string, view: ServiceView, at: number): void {
    const passing = new Set(view.filter(({ status }) => status === 'passing').map(({ podUid }) => podUid));
    for (const [key, pending] of this.#pending) {
      const [of, uid] = key.split('/');
      if (of !== service || passing.has(uid!) !== pending.passing) continue;
      this.#pending.delete(key);
      this.#latencies.push(at - pending.since);
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #changed(): void {
    const since = this.#clock.now();
    for (const workload of this.#workloads) {
      const { service } = workload;
      const before = this.#expected.get(service) ?? new Set();
      const after = expectedPassing(this.#store, workload);
      this.#expected.set(service, after);
      for (const uid of after.symmetricDifference(before)) {
        const key = `${service}/${uid}`;
        if (!this.#pending.delete(key)) this.#pending.set(key, { passing: after.has(uid), since });
      }
    }
  }
}
