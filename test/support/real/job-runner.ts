/**
 * Runs the containers of Jobs' pods, for a control plane whose kubelets run none: the Job controller makes the pod,
 * its containers are processes in the image, and how they end is the pod's phase. What they print is served where
 * the API server asks kubelets for logs.
 */
import { createServer, type Server } from 'node:https';
import { certificate, certificateKey } from '../certificate.ts';
import { eventually } from '../eventually.ts';
import { type Container, containerOptions, type PodSpec } from './containers.ts';
import { ImageProcess } from './image.ts';
import type { Kube } from './kube.ts';
import type { KubeList, KubeObject } from './kube-api.ts';
import type { Kubelet } from './kubelet.ts';
import { freePorts } from './ports.ts';

interface JobPod extends KubeObject {
  readonly spec: PodSpec & { readonly nodeName?: string };
}

export interface Ended {
  /** Of the container, or of the first init container that failed. */
  readonly code: number | null;
  readonly output: string;
}

/** For `startKube` and `startKubelet`: nodes whose kubelet the API server can ask. */
export const reachableKubelets = {
  apiserverArgs: ['--kubelet-preferred-address-types=InternalIP'],
  nodes: [{ name: 'node-0', address: '127.0.0.1' }],
} as const;

export class JobRunner implements AsyncDisposable {
  readonly #kube: Kube;
  readonly #kubelet: Kubelet;
  readonly #server: Server;
  /** By namespace/pod/container. */
  readonly #logs = new Map<string, string>();

  static async start(kube: Kube, kubelet: Kubelet): Promise<JobRunner> {
    const runner = new JobRunner(kube, kubelet);
    const [port] = await freePorts(1);
    await new Promise<void>((resolve) => runner.#server.listen(port, '127.0.0.1', resolve));
    for (const { name } of kubelet.nodes) {
      const status = { daemonEndpoints: { kubeletEndpoint: { Port: port } } };
      await kube.api.patchAs(`/api/v1/nodes/${name}/status`, { status });
    }
    return runner;
  }

  private constructor(kube: Kube, kubelet: Kubelet) {
    this.#kube = kube;
    this.#kubelet = kubelet;
    this.#server = createServer({ cert: certificate, key: certificateKey }, (request, response) => {
      const log = /^\/containerLogs\/([^?]+)/.exec(request.url ?? '')?.[1];
      const text = this.#logs.get(log ?? '');
      response.statusCode = text === undefined ? 404 : 200;
      response.end(text ?? 'no such container');
    });
  }

  /** Waits for the Job's pod and runs it. `services`: names of Services in its namespace. */
  async run(namespace: string, job: string, services: readonly string[] = []): Promise<Ended> {
    const pod = await this.#podOf(namespace, job);
    const { name } = pod.metadata;
    let last: Ended = { code: 0, output: '' };
    for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
      last = await this.#runContainer(namespace, pod, container, services);
      this.#logs.set(`${namespace}/${name}/${container.name}`, last.output);
      if (last.code !== 0) break;
    }
    this.#kubelet.finish(namespace, name, last.code === 0 ? 'Succeeded' : 'Failed');
    return last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #runContainer(
    namespace: string,
    { spec }: JobPod,
    container: Container,
    services: readonly string[],
  ): Promise<Ended> {
    const options = await containerOptions(this.#kube, namespace, spec, container, services);
    await using process = await ImageProcess.create(options);
    // Awaited here: it is disposed of on return.
    return await process.run();
  }

  /** The pod of the Job that has not ended and is bound to a node. */
  #podOf(namespace: string, job: string): Promise<JobPod> {
    return eventually(
      async () => {
        const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=job-name=${job}`;
        const { items } = await this.#kube.api.get<KubeList<JobPod & { status: { phase: string } }>>(path);
        const bound = items.find(
          ({ metadata, spec, status }) =>
            spec.nodeName !== undefined &&
            status.phase === 'Running' &&
            !this.#logs.has(`${namespace}/${metadata.name}/${spec.containers[0]!.name}`),
        );
        if (bound === undefined) throw new Error(`${items.length} pods, none of them to be run`);
        return bound;
      },
      { timeoutMs: 60_000, what: `the pod of Job ${job}` },
    );
  }
}
