import { createHash } from 'node:crypto';
import type { Clock } from '../../../lib/clock.ts';
import type { KubeApi } from '../kube-api.ts';
import { sameJson } from '../object.ts';
import { keyOf, resourceNamed } from '../resources.ts';
import { Loop } from './loop.ts';
import { ObjectIndex } from './object-index.ts';
import { leastAvailable, nextReplicas, type Replicas } from './rollout.ts';
import {
  type Condition,
  controllerOf,
  type Deployment,
  isDeleting,
  ownedBy,
  type PodTemplate,
  type ReplicaSet,
  withConditions,
} from './shapes.ts';

const latencyMs = 10;
const deployments = resourceNamed('deployments.apps');
const replicaSets = resourceNamed('replicasets.apps');
const hashLabel = 'pod-template-hash';
const revision = 'deployment.kubernetes.io/revision';

/** Rolls Deployments out: one ReplicaSet for each template, scaled step by step. */
export class Deployments implements Disposable {
  readonly #api: KubeApi;
  readonly #loop: Loop;
  readonly #sets: ObjectIndex<ReplicaSet>;
  readonly #subscription: Disposable;

  constructor(api: KubeApi, clock: Clock) {
    this.#api = api;
    this.#sets = new ObjectIndex<ReplicaSet>(api.store, replicaSets.storage, (set) => [
      controllerOf(set)?.uid ?? '',
    ]);
    this.#loop = new Loop(clock, latencyMs, (key) => this.#reconcile(key));
    this.#subscription = api.store.subscribe(({ storage, key, object, previous }) => {
      if (storage === deployments.storage) this.#loop.mark(key);
      const owner = storage === replicaSets.storage ? controllerOf((object ?? previous)!) : undefined;
      if (owner?.kind === 'Deployment') {
        this.#loop.mark(keyOf((object ?? previous)!.metadata.namespace, owner.name));
      }
    });
  }

  resync(): void {
    for (const key of this.#api.store.table(deployments.storage).keys()) this.#loop.mark(key);
  }

  [Symbol.dispose](): void {
    this.#sets[Symbol.dispose]();
    this.#subscription[Symbol.dispose]();
    this.#loop[Symbol.dispose]();
  }

  #reconcile(key: string): void {
    const deployment = this.#api.store.table(deployments.storage).get(key) as Deployment | undefined;
    if (deployment === undefined || isDeleting(deployment)) return;
    const newest = this.#newest(deployment);
    const old = this.#setsOf(deployment).filter((set) => set.metadata.name !== newest.metadata.name);
    if (deployment.spec.paused !== true) {
      const next = nextReplicas(deployment.spec, counted(newest), old.map(counted));
      for (const [name, replicas] of next) this.#scale(deployment, name, replicas);
      this.#prune(deployment, old);
    }
    this.#report(deployment, newest.metadata.name);
  }

  #setsOf({ metadata }: Deployment): ReplicaSet[] {
    return [...this.#sets.of(metadata.uid)].sort(byRevision);
  }

  /** The ReplicaSet of the current template, made when there is none. */
  #newest(deployment: Deployment): ReplicaSet {
    const { metadata, spec } = deployment;
    const sets = this.#setsOf(deployment);
    const found = sets.find((set) => sameJson(withoutHash(set.spec.template), withoutHash(spec.template)));
    if (found !== undefined) return found;
    const hash = hashOf(spec.template);
    const labels = { ...spec.template.metadata?.labels, [hashLabel]: hash };
    const last = Math.max(0, ...sets.map(revisionOf));
    return this.#api.registry.create(replicaSets, metadata.namespace ?? '', {
      metadata: {
        name: `${metadata.name}-${hash}`,
        labels,
        annotations: { [revision]: String(last + 1) },
        ownerReferences: [ownedBy(deployment)],
      },
      spec: {
        replicas: 0,
        selector: { matchLabels: { ...spec.selector.matchLabels, [hashLabel]: hash } },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
      },
    }) as ReplicaSet;
  }

  #scale({ metadata }: Deployment, name: string, replicas: number): void {
    const set = this.#api.store.get(replicaSets.storage, metadata.namespace, name) as ReplicaSet;
    const target = {
      resource: replicaSets,
      namespace: metadata.namespace ?? '',
      name,
      subresource: '',
    } as const;
    this.#api.registry.update(target, { ...set, spec: { ...set.spec, replicas } });
  }

  #prune({ metadata, spec }: Deployment, old: readonly ReplicaSet[]): void {
    const empty = old.filter((set) => set.spec.replicas === 0 && (set.status?.replicas ?? 0) === 0);
    const kept = spec.revisionHistoryLimit ?? 10;
    for (const set of empty.slice(0, Math.max(0, empty.length - kept))) {
      this.#api.registry.delete(replicaSets, metadata.namespace ?? '', set.metadata.name);
    }
  }

  #report({ metadata }: Deployment, newest: string): void {
    const deployment = this.#api.store.get(
      deployments.storage,
      metadata.namespace,
      metadata.name,
    ) as Deployment;
    const sets = this.#setsOf(deployment);
    const count = (field: 'replicas' | 'readyReplicas') =>
      sets.reduce((total, set) => total + (set.status?.[field] ?? 0), 0);
    const [replicas, ready] = [count('replicas'), count('readyReplicas')];
    const unavailable = Math.max(0, Math.max(replicas, deployment.spec.replicas) - ready);
    const updated = sets.find((set) => set.metadata.name === newest)?.status?.replicas ?? 0;
    const least = deployment.spec.strategy.type === 'Recreate' ? 0 : leastAvailable(deployment.spec);
    const conditions = withConditions(
      deployment.status?.conditions,
      [availability(ready >= least)],
      this.#api.store.time(),
    );
    this.#api.store.put(deployments, {
      ...deployment,
      status: {
        observedGeneration: deployment.metadata.generation,
        replicas,
        updatedReplicas: updated,
        readyReplicas: ready,
        availableReplicas: ready,
        unavailableReplicas: unavailable,
        conditions,
      },
    });
  }
}

const availability = (available: boolean): Condition => ({
  type: 'Available',
  status: available ? 'True' : 'False',
  reason: available ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
  message: `Deployment ${available ? 'has' : 'does not have'} minimum availability.`,
});

function counted({ metadata, spec, status }: ReplicaSet): Replicas {
  const observed = status?.observedGeneration === metadata.generation;
  return {
    name: metadata.name,
    desired: spec.replicas,
    // Counts from before a scaling say nothing about what is left of it.
    available: observed
      ? (status?.availableReplicas ?? 0)
      : Math.min(spec.replicas, status?.availableReplicas ?? 0),
    current: status?.replicas ?? 0,
  };
}

const revisionOf = ({ metadata }: ReplicaSet) => Number(metadata.annotations?.[revision] ?? 0);
const byRevision = (a: ReplicaSet, b: ReplicaSet) => revisionOf(a) - revisionOf(b);

function withoutHash(template: PodTemplate): unknown {
  const { [hashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

function hashOf(template: PodTemplate): string {
  return createHash('sha256')
    .update(JSON.stringify(withoutHash(template)))
    .digest('hex')
    .slice(0, 10);
}
