import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../../src/lib/in-parallel.ts';
import { eventually } from '../support/eventually.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import type { KubeList, KubeObject } from '../support/real/kube-api.ts';
import { installRbac, operatorIdentity } from '../support/real/operator.ts';
import { now } from './json-request.ts';
import { addressOf } from './pod-text.ts';
import type { Cluster, Shape } from './stage.ts';

/** What is annotated: each pod, or the Services, whose EndpointSlices the controller manager then writes. */
export type Source = 'pods' | 'slices';

const namespace = 'bench';
const podsPath = `/api/v1/namespaces/${namespace}/pods`;
const servicesPath = `/api/v1/namespaces/${namespace}/services`;
const slicesPath = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
const prefix = 'kube-registrar.io/';

interface Pod extends KubeObject {
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

interface Slice extends KubeObject {
  readonly endpoints?: readonly {
    readonly addresses: readonly string[];
    readonly conditions: { readonly ready?: boolean };
  }[];
}

/**
 * A real etcd, API server and controller manager. Pods have no kubelet: this writes their status, as a kubelet does. A
 * bare watch in this process shows when the change reaches whoever watches.
 */
export class RealCluster implements Cluster, AsyncDisposable {
  readonly #kube: Kube;
  readonly #shape: Shape;
  readonly #source: Source;
  readonly #ended = new AbortController();
  readonly #waiting = new Map<string, (at: number) => void>();
  /** Until the last change has reached the bare watch, as now(). */
  heard: Promise<number> = Promise.resolve(0);

  static async start(shape: Shape, source: Source): Promise<RealCluster> {
    const cluster = new RealCluster(await startKube(), shape, source);
    try {
      await cluster.#fill();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(kube: Kube, shape: Shape, source: Source) {
    this.#kube = kube;
    this.#shape = shape;
    this.#source = source;
  }

  async kubeconfig(): Promise<string> {
    await installRbac(this.#kube);
    return this.#kube.kubeconfigFor(operatorIdentity);
  }

  /** Resolves with the moment, as now(), at which the patch of the status was sent. */
  async flip(pod: number, ready: boolean): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(`${addressOf(pod)} ${ready}`, resolve);
    this.heard = promise;
    const sent = now();
    await this.#writeStatus(pod, ready);
    return sent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#kube[Symbol.asyncDispose]();
  }

  async #fill(): Promise<void> {
    const { api } = this.#kube;
    const { pods, nodes, services } = this.#shape;
    await api.post('/api/v1/namespaces', { metadata: { name: namespace } });
    await eventually(() => api.get(`/api/v1/namespaces/${namespace}/serviceaccounts/default`));
    const each = (count: number) => Array.from({ length: count }, (_, index) => index);
    await inParallel(each(nodes), 8, (node) => this.#addNode(node));
    if (this.#source === 'slices')
      await inParallel(each(services), 8, (service) => this.#addService(service));
    await inParallel(each(pods), 32, async (pod) => {
      await this.#addPod(pod);
      await this.#writeStatus(pod, true);
    });
    if (this.#source === 'slices') await eventually(() => this.#allInSlices(), { intervalMs: 500 });
    void this.#follow();
  }

  async #addNode(node: number): Promise<void> {
    const { api } = this.#kube;
    await api.post('/api/v1/nodes', { metadata: { name: `node-${node}` } });
    const status = {
      addresses: [{ type: 'InternalIP', address: `192.168.0.${node}` }],
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is ready' }],
    };
    await api.patchAs(`/api/v1/nodes/node-${node}/status`, { status });
  }

  async #addService(service: number): Promise<void> {
    const name = `app-${service}`;
    await this.#kube.api.post(servicesPath, {
      metadata: { name, annotations: { [`${prefix}service`]: name } },
      spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    });
  }

  async #addPod(pod: number): Promise<void> {
    const app = `app-${pod % this.#shape.services}`;
    const annotations = { [`${prefix}service`]: app, [`${prefix}port`]: 'http' };
    const env = Array.from({ length: 60 }, (_, each) => ({
      name: `SETTING_${each}`,
      value: `a value of the usual length for setting number ${each}`,
    }));
    await this.#kube.api.post(podsPath, {
      metadata: {
        name: this.#nameOf(pod),
        labels: { app },
        ...(this.#source === 'pods' ? { annotations } : {}),
      },
      spec: {
        nodeName: `node-${pod % this.#shape.nodes}`,
        containers: [{ name: 'app', image: 'app', env, ports: [{ name: 'http', containerPort: 8080 }] }],
      },
    });
  }

  async #writeStatus(pod: number, ready: boolean): Promise<void> {
    const why = { reason: 'ContainersNotReady', message: 'containers with unready status: [app]' };
    const condition = (type: string) => ({
      type,
      status: ready ? 'True' : 'False',
      ...(ready ? { reason: null, message: null } : why),
      lastTransitionTime: `${new Date().toISOString().slice(0, 19)}Z`,
    });
    const status = {
      phase: 'Running',
      podIP: addressOf(pod),
      podIPs: [{ ip: addressOf(pod) }],
      conditions: [condition('Ready'), condition('ContainersReady')],
    };
    await this.#kube.api.patchAs(`${podsPath}/${this.#nameOf(pod)}/status`, { status });
  }

  async #allInSlices(): Promise<boolean> {
    const { items } = await this.#kube.api.get<KubeList<Slice>>(slicesPath);
    const ready = items.flatMap(({ endpoints = [] }) =>
      endpoints.filter(({ conditions }) => conditions.ready),
    );
    return ready.length === this.#shape.pods;
  }

  async #follow(): Promise<void> {
    const { api } = this.#kube;
    const { signal } = this.#ended;
    const path = this.#source === 'pods' ? podsPath : slicesPath;
    while (!signal.aborted) {
      try {
        const { metadata } = await api.get<KubeList<KubeObject>>(`${path}?limit=1`);
        for await (const { object } of api.watch<Pod & Slice>(path, metadata.resourceVersion, signal)) {
          const at = now();
          for (const key of shown(object)) {
            this.#waiting.get(key)?.(at);
            this.#waiting.delete(key);
          }
        }
      } catch {
        await sleep(100);
      }
    }
  }

  #nameOf(pod: number): string {
    return `app-${pod % this.#shape.services}-${pod}`;
  }
}

/** Addresses with whether they are ready. */
function shown({ status, endpoints = [] }: Pod & Slice): string[] {
  if (status?.podIP !== undefined) {
    const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
    return [`${status.podIP} ${ready}`];
  }
  return endpoints.map(({ addresses, conditions }) => `${addresses[0]} ${conditions.ready ?? true}`);
}
