import type { Clock } from '../../../lib/clock.ts';
import type { KubeApi } from '../kube-api.ts';
import type { DraftObject } from '../object.ts';
import { resourceNamed } from '../resources.ts';
import { Deployments } from './deployments.ts';
import { EndpointSlices } from './endpoint-slices.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { type KubeletOptions, Kubelets } from './kubelet.ts';
import { Namespaces } from './namespaces.ts';
import { Nodes } from './nodes.ts';
import { ReplicaSets } from './replica-sets.ts';
import { Scheduler } from './scheduler.ts';
import type { Deployment, Pod } from './shapes.ts';

export interface ClusterOptions extends KubeletOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
}

const deployments = resourceNamed('deployments.apps');

/**
 * The rest of a cluster around the API server: scheduler, kubelets, and the controllers for Deployments,
 * ReplicaSets, EndpointSlices, namespaces, nodes and garbage. Real rules, simplified: no resources, taints,
 * probes or restarts; ready means available; IPv4. Runs on the given clock, idle when nothing changes.
 */
export class Cluster implements Disposable {
  readonly kubelets: Kubelets;
  readonly nodes: Nodes;
  readonly #api: KubeApi;
  readonly #subscription: Disposable;
  readonly #controllers: readonly (Disposable & { resync(): void })[];

  constructor({ api, clock, ...options }: ClusterOptions) {
    this.#api = api;
    this.kubelets = new Kubelets({ api, clock, ...options });
    this.nodes = new Nodes(api, clock, this.kubelets);
    this.#controllers = [
      this.kubelets,
      new Scheduler(api, clock),
      new ReplicaSets(api, clock),
      new Deployments(api, clock),
      new EndpointSlices(api, clock),
      new GarbageCollector(api, clock),
      new Namespaces(api, clock),
    ];
    this.#resync();
    this.#subscription = api.store.subscribe(
      () => {},
      () => this.#resync(),
    );
  }

  /** Creates an object as `kubectl create` does; a namespace that is missing is created too. */
  create(draft: DraftObject & { readonly kind: string }, resource: string): void {
    const namespace = draft.metadata?.namespace ?? 'default';
    this.#api.addNamespace(namespace);
    this.#api.registry.create(resourceNamed(resource), namespace, draft);
  }

  pods(namespace: string, labels: Readonly<Record<string, string>> = {}): readonly Pod[] {
    return (this.#api.store.list('pods', namespace) as readonly Pod[]).filter(({ metadata }) =>
      Object.entries(labels).every(([label, value]) => metadata.labels?.[label] === value),
    );
  }

  scale(namespace: string, name: string, replicas: number): void {
    this.#change(namespace, name, (deployment) => ({
      ...deployment,
      spec: { ...deployment.spec, replicas },
    }));
  }

  /** As `kubectl rollout restart`: a new template by an annotation, so that every pod is replaced. */
  restart(namespace: string, name: string): void {
    this.#change(namespace, name, (deployment) => {
      const { template } = deployment.spec;
      const annotations = {
        ...template.metadata?.annotations,
        'kubectl.kubernetes.io/restartedAt': `${this.#api.store.time()}#${this.#api.store.revision}`,
      };
      const marked = { ...template, metadata: { ...template.metadata, annotations } };
      return { ...deployment, spec: { ...deployment.spec, template: marked } };
    });
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.nodes[Symbol.dispose]();
    for (const controller of this.#controllers) controller[Symbol.dispose]();
  }

  /** After a restore of the store every controller has to look at everything again. */
  #resync(): void {
    for (const controller of this.#controllers) controller.resync();
  }

  #change(namespace: string, name: string, change: (deployment: Deployment) => DraftObject): void {
    const deployment = this.#api.registry.get(deployments, namespace, name) as Deployment;
    const target = { resource: deployments, namespace, name, subresource: '' } as const;
    this.#api.registry.update(target, change(deployment));
  }
}
