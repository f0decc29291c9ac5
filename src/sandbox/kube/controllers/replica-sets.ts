import type { Clock } from '../../../lib/clock.ts';
import type { KubeApi } from '../kube-api.ts';
import { keyOf, resourceNamed } from '../resources.ts';
import { Loop } from './loop.ts';
import { ObjectIndex } from './object-index.ts';
import { controllerOf, hasEnded, isDeleting, isReady, ownedBy, type Pod, type ReplicaSet } from './shapes.ts';

const latencyMs = 10;
const pods = resourceNamed('pods');
const replicaSets = resourceNamed('replicasets.apps');

/** Keeps as many pods of each ReplicaSet as it wants, and counts them in its status. Ready is available. */
export class ReplicaSets implements Disposable {
  readonly #api: KubeApi;
  readonly #loop: Loop;
  readonly #pods: ObjectIndex<Pod>;
  readonly #subscription: Disposable;

  constructor(api: KubeApi, clock: Clock) {
    this.#api = api;
    this.#pods = new ObjectIndex<Pod>(api.store, 'pods', (pod) => [controllerOf(pod)?.uid ?? '']);
    this.#loop = new Loop(clock, latencyMs, (key) => this.#reconcile(key));
    this.#subscription = api.store.subscribe(({ storage, key, object, previous }) => {
      if (storage === replicaSets.storage) this.#loop.mark(key);
      const owner = storage === 'pods' ? controllerOf((object ?? previous)!) : undefined;
      if (owner?.kind === 'ReplicaSet') {
        this.#loop.mark(keyOf((object ?? previous)!.metadata.namespace, owner.name));
      }
    });
  }

  resync(): void {
    for (const key of this.#api.store.table(replicaSets.storage).keys()) this.#loop.mark(key);
  }

  [Symbol.dispose](): void {
    this.#pods[Symbol.dispose]();
    this.#subscription[Symbol.dispose]();
    this.#loop[Symbol.dispose]();
  }

  #reconcile(key: string): void {
    const set = this.#api.store.table(replicaSets.storage).get(key) as ReplicaSet | undefined;
    if (set === undefined) return;
    const active = this.#pods.of(set.metadata.uid).filter((pod) => !isDeleting(pod) && !hasEnded(pod));
    const missing = isDeleting(set) ? 0 : set.spec.replicas - active.length;
    for (let count = 0; count < missing; count += 1) this.#create(set);
    for (const { metadata } of missing < 0 ? active.sort(removalOrder).slice(0, -missing) : []) {
      this.#api.registry.delete(pods, metadata.namespace ?? '', metadata.name);
    }
    this.#report(set);
  }

  #create(set: ReplicaSet): void {
    const { metadata, spec } = set.spec.template;
    this.#api.registry.create(pods, set.metadata.namespace ?? '', {
      metadata: {
        generateName: `${set.metadata.name}-`,
        labels: metadata?.labels ?? {},
        annotations: metadata?.annotations ?? {},
        ownerReferences: [ownedBy(set)],
      },
      spec,
    });
  }

  #report({ metadata }: ReplicaSet): void {
    const set = this.#api.store.get(replicaSets.storage, metadata.namespace, metadata.name) as ReplicaSet;
    const active = this.#pods.of(set.metadata.uid).filter((pod) => !isDeleting(pod) && !hasEnded(pod));
    const ready = active.filter(isReady).length;
    const counts = ready > 0 ? { readyReplicas: ready, availableReplicas: ready } : {};
    this.#api.store.put(replicaSets, {
      ...set,
      status: {
        replicas: active.length,
        ...(active.length > 0 ? { fullyLabeledReplicas: active.length } : {}),
        ...counts,
        observedGeneration: set.metadata.generation,
      },
    });
  }
}

/** Those without a node go first, then those not ready, then the youngest. */
function removalOrder(a: Pod, b: Pod): number {
  return (
    Number((a.spec.nodeName ?? '') !== '') - Number((b.spec.nodeName ?? '') !== '') ||
    Number(isReady(a)) - Number(isReady(b)) ||
    b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp) ||
    a.metadata.name.localeCompare(b.metadata.name)
  );
}
