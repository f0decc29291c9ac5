import type { Clock } from '../../lib/clock.ts';
import type { Pod } from '../../sandbox/kube/controllers/shapes.ts';
import type { ObjectStore } from '../../sandbox/kube/store.ts';
import { ExpectedPassing } from './expected-passing.ts';
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
 * counts, and ends with the consumer's answer that shows it. A change costs as much as the pods that it touches.
 */
export class Propagation implements Disposable {
  readonly #clock: Clock;
  readonly #expected: ExpectedPassing;
  readonly #subscription: Disposable;
  /** Uids of the pods that are expected to pass, by service. */
  readonly #passing = new Map<string, Set<string>>();
  /** By service and pod uid. Only the last change: an earlier one that was undone is not measured. */
  readonly #pending = new Map<string, Map<string, Pending>>();
  readonly #latencies: number[] = [];

  constructor(store: ObjectStore, clock: Clock, workloads: readonly Workload[]) {
    this.#clock = clock;
    for (const { service } of workloads) {
      this.#passing.set(service, new Set());
      this.#pending.set(service, new Map());
    }
    // Before the subscription: what it looks up is up to date by then.
    this.#expected = new ExpectedPassing(store, workloads);
    this.#subscription = store.subscribe((event) => {
      for (const pod of this.#expected.touchedBy(event)) this.#changed(pod);
    });
  }

  /** Every latency measured so far, ms, in the order of their ends. */
  get latencies(): readonly number[] {
    return this.#latencies;
  }

  /** Uids of the pods of a service that Kubernetes would send traffic to. */
  expected(service: string): ReadonlySet<string> {
    return this.#passing.get(service) ?? new Set();
  }

  /** A consumer of `service` received this view. */
  seen(service: string, view: ServiceView, at: number): void {
    const waiting = this.#pending.get(service);
    if (waiting === undefined || waiting.size === 0) return;
    const passing = new Set(view.filter(({ status }) => status === 'passing').map(({ podUid }) => podUid));
    for (const [uid, pending] of waiting) {
      if (passing.has(uid) !== pending.passing) continue;
      waiting.delete(uid);
      this.#latencies.push(at - pending.since);
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.#expected[Symbol.dispose]();
  }

  #changed(pod: Pod): void {
    const workload = this.#expected.workloadOf(pod);
    if (workload === undefined) return;
    const { uid } = pod.metadata;
    const passing = this.#passing.get(workload.service)!;
    const isExpected = this.#expected.has(pod);
    if (isExpected === passing.has(uid)) return;
    if (isExpected) passing.add(uid);
    else passing.delete(uid);
    const waiting = this.#pending.get(workload.service)!;
    if (!waiting.delete(uid)) waiting.set(uid, { passing: isExpected, since: this.#clock.now() });
  }
}
