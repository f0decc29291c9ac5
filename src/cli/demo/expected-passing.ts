import { ObjectIndex } from '../../sandbox/kube/controllers/object-index.ts';
import { isDeleting, isReady, type Node, type Pod } from '../../sandbox/kube/controllers/shapes.ts';
import type { Endpoint } from '../../sandbox/kube/controllers/slices.ts';
import type { KubeObject } from '../../sandbox/kube/object.ts';
import type { ObjectStore, StoreEvent } from '../../sandbox/kube/store.ts';
import { namespace, type Workload } from './workloads.ts';

const slices = 'endpointslices.discovery.k8s.io';

/**
 * Whether Kubernetes would send traffic to a pod: it is Ready, not terminating, on a Ready node. For a workload that is
 * registered through its Service, readiness comes from the EndpointSlices. It does not use src/desired, so that the
 * demo's measurements do not rely on the operator.
 */
export class ExpectedPassing implements Disposable {
  readonly #store: ObjectStore;
  readonly #workloads: ReadonlyMap<string, Workload>;
  readonly #podsOfNode: ObjectIndex<Pod>;
  readonly #slicesOfService: ObjectIndex<KubeObject>;

  constructor(store: ObjectStore, workloads: readonly Workload[]) {
    this.#store = store;
    this.#workloads = new Map(workloads.map((workload) => [workload.app, workload]));
    this.#podsOfNode = new ObjectIndex(store, 'pods', ({ spec }) => [spec.nodeName ?? '']);
    this.#slicesOfService = new ObjectIndex(store, slices, (slice) => [serviceOf(slice)]);
  }

  /** The workload that a pod belongs to. */
  workloadOf({ metadata }: Pod): Workload | undefined {
    if (metadata.namespace !== namespace) return undefined;
    return this.#workloads.get(metadata.labels?.['app'] ?? '');
  }

  /** As the store is now. */
  has({ metadata: { name, uid } }: Pod): boolean {
    const pod = this.#store.get('pods', namespace, name) as Pod | undefined;
    if (pod?.metadata.uid !== uid || isDeleting(pod)) return false;
    const workload = this.workloadOf(pod);
    if (workload === undefined) return false;
    const isServed = workload.via === 'pods' ? isReady(pod) : this.#isInSlices(workload.app, uid);
    return isServed && this.#isNodeReady(pod.spec.nodeName ?? '');
  }

  /** The pods for which a change may matter: their own, those of a node, those in a slice. */
  touchedBy({ storage, previous, object }: StoreEvent): readonly Pod[] {
    switch (storage) {
      case 'pods':
        return [(object ?? previous) as Pod];
      case 'nodes': {
        const [before, after] = [previous as Node | undefined, object as Node | undefined];
        const isSame = (before !== undefined && isReady(before)) === (after !== undefined && isReady(after));
        return isSame ? [] : this.#podsOfNode.of((after ?? before)!.metadata.name);
      }
      case slices: {
        const [before, after] = [readyIn(previous), readyIn(object)];
        const pods = new Map([...before, ...after].filter(([uid]) => before.has(uid) !== after.has(uid)));
        return [...pods.values()].flatMap((name) => this.#store.get('pods', namespace, name) ?? []) as Pod[];
      }
      default:
        return [];
    }
  }

  [Symbol.dispose](): void {
    this.#podsOfNode[Symbol.dispose]();
    this.#slicesOfService[Symbol.dispose]();
  }

  #isInSlices(service: string, uid: string): boolean {
    return this.#slicesOfService.of(service).some((slice) => readyIn(slice).has(uid));
  }

  #isNodeReady(name: string): boolean {
    const node = this.#store.get('nodes', undefined, name) as Node | undefined;
    return node !== undefined && isReady(node);
  }
}

const serviceOf = ({ metadata }: KubeObject): string => metadata.labels?.['kubernetes.io/service-name'] ?? '';

/** The ready endpoints of a slice: names of pods by their uid. */
function readyIn(slice: KubeObject | undefined): ReadonlyMap<string, string> {
  if (slice === undefined || slice.metadata.namespace !== namespace) return new Map();
  const endpoints = (slice['endpoints'] ?? []) as readonly Endpoint[];
  return new Map(
    endpoints
      .filter(({ conditions }) => conditions.ready)
      .map(({ targetRef }) => [targetRef.uid, targetRef.name]),
  );
}
