import type { Clock } from '../../../lib/clock.ts';
import type { KubeApi } from '../kube-api.ts';
import { resourceNamed } from '../resources.ts';
import { Loop } from './loop.ts';
import { conditionOf, isDeleting, isReady, type Node, type Pod, withConditions } from './shapes.ts';

const latencyMs = 5;
const pods = resourceNamed('pods');

/** Gives pods a node: the Ready and schedulable ones in turn. */
export class Scheduler implements Disposable {
  readonly #api: KubeApi;
  readonly #loop: Loop;
  readonly #subscription: Disposable;
  #turn = 0;

  constructor(api: KubeApi, clock: Clock) {
    this.#api = api;
    this.#loop = new Loop(clock, latencyMs, (key) => this.#schedule(key));
    this.#subscription = api.store.subscribe(({ storage, key, object }) => {
      if (storage === 'pods' && object !== undefined && isUnscheduled(object as Pod)) this.#loop.mark(key);
      if (storage === 'nodes') this.resync();
    });
  }

  /** Looks at every waiting pod again. */
  resync(): void {
    for (const [key, pod] of this.#api.store.table('pods'))
      if (isUnscheduled(pod as Pod)) this.#loop.mark(key);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.#loop[Symbol.dispose]();
  }

  #schedule(key: string): void {
    const pod = this.#api.store.table('pods').get(key) as Pod | undefined;
    if (pod === undefined || !isUnscheduled(pod)) return;
    const nodes = (this.#api.store.list('nodes') as readonly Node[]).filter(
      (node) => isReady(node) && node.spec?.unschedulable !== true && !isDeleting(node),
    );
    const { namespace = '', name } = pod.metadata;
    if (nodes.length === 0) {
      this.#refuse(pod);
      return;
    }
    const node = nodes[this.#turn % nodes.length]!;
    this.#turn += 1;
    this.#api.registry.bind(namespace, name, node.metadata.name);
  }

  #refuse(pod: Pod): void {
    if (conditionOf(pod, 'PodScheduled')?.reason === 'Unschedulable') return;
    const waiting = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: '0/0 nodes are available',
    };
    const conditions = withConditions(pod.status.conditions, [waiting], this.#api.store.time());
    this.#api.store.put(pods, { ...pod, status: { ...pod.status, conditions } });
  }
}

const isUnscheduled = (pod: Pod) => (pod.spec.nodeName ?? '') === '' && !isDeleting(pod);
