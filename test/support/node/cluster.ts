/** A cluster of real nodes, a Consul beside it, and the chart installed in it with the image built from this checkout. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { eventually } from '../eventually.ts';
import { type Consul, startConsul } from '../real/consul.ts';
import { type HealthEntry, instances } from '../real/consul-reads.ts';
import { type Kube, startKube } from '../real/kube.ts';
import type { KubeObject } from '../real/kube-api.ts';
import { pauseImage } from './containerd.ts';
import { packBusybox } from './images.ts';
import { startNetwork } from './network.ts';
import { type Node, startNode } from './node.ts';
import { startScheduler } from './scheduler.ts';

const run = promisify(execFile);

/** An image with busybox, for workloads. */
export const workloadImage = 'test/workload:1';
/** Where pods find Consul: an address outside the cluster, as that of another machine. */
export const consulAddress = 'http://10.0.9.1:8500';

/** Far more than anything takes, so that a busy machine does not fail a test. */
export const patience = { timeoutMs: 120_000 };

export interface Container {
  readonly command: string;
  readonly readinessProbe?: object;
  readonly lifecycle?: object;
}

export interface PodStatus extends KubeObject {
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly hostIP?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
    }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

export const isReady = ({ status }: PodStatus): boolean =>
  status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;

/** Spec of a pod with one container; its port is called http. */
export function podSpec({ command, ...container }: Container, fields: object = {}): object {
  return {
    terminationGracePeriodSeconds: 10,
    ...fields,
    containers: [
      {
        name: 'main',
        image: workloadImage,
        command: ['/bin/sh', '-c', command],
        ports: [{ name: 'http', containerPort: 8080 }],
        ...container,
      },
    ],
  };
}

/** Two nodes, `a` and `b`. `image`: archive of the operator's image. */
export async function startCluster(image: string): Promise<Cluster> {
  await using started = new AsyncDisposableStack();
  await run('ip', ['link', 'set', 'lo', 'up']);
  const names = ['a', 'b'];
  const [kube, consul] = await Promise.all([
    startKube({
      users: Object.fromEntries(names.map((name) => [`system:node:${name}`, ['system:nodes']])),
      apiserverArgs: [
        // Beside RBAC: nodes read and write what is theirs.
        '--authorization-mode=Node',
        '--enable-admission-plugins=NodeRestriction',
        '--kubelet-preferred-address-types=InternalIP',
        // It would look for a default route.
        '--advertise-address=10.0.9.2',
      ],
      controllers: [
        'node-lifecycle-controller',
        'taint-eviction-controller',
        'pod-garbage-collector-controller',
      ],
      controllerArgs: ['--node-monitor-grace-period=15s', '--node-monitor-period=1s'],
    }).then((server) => started.use(server)),
    startConsul().then((server) => started.use(server)),
  ]);
  started.use(
    await startNetwork(kube, {
      outside: { [consulAddress.slice('http://'.length)]: new URL(consul.url).host },
    }),
  );
  const images = [
    image,
    await packBusybox(pauseImage, { Entrypoint: ['/bin/sleep', '2147483647'] }),
    await packBusybox(workloadImage, {}),
  ];
  const nodes = await Promise.all(names.map((name, i) => startNode(kube, { name, number: i + 1, images })));
  for (const node of nodes) started.use(node);
  started.use(startScheduler(kube, nodes));
  return new Cluster(kube, consul, nodes, started.move());
}

export class Cluster implements AsyncDisposable {
  readonly kube: Kube;
  readonly consul: Consul;
  readonly nodes: readonly Node[];
  readonly #started: AsyncDisposableStack;

  /** Use `startCluster`. */
  constructor(kube: Kube, consul: Consul, nodes: readonly Node[], started: AsyncDisposableStack) {
    this.kube = kube;
    this.consul = consul;
    this.nodes = nodes;
    this.#started = started;
  }

  podPath(name: string): string {
    return `/api/v1/namespaces/default/pods/${name}`;
  }

  pod(name: string): Promise<PodStatus> {
    return this.kube.api.get(this.podPath(name));
  }

  /** Creates a pod in namespace default that is registered as the service of its name. */
  async addPod(name: string, spec: object): Promise<void> {
    const annotations = { 'kube-registrar.io/service': name, 'kube-registrar.io/port': 'http' };
    await this.kube.api.post('/api/v1/namespaces/default/pods', { metadata: { name, annotations }, spec });
  }

  /** Waits until the service has one instance, and it passes or does not. */
  one(service: string, passing: boolean): Promise<HealthEntry> {
    return eventually(
      async () => {
        const [found, ...more] = await instances(this.consul, service);
        const status = found?.Checks.find(({ ServiceID }) => ServiceID !== '')?.Status;
        if (more.length > 0 || status !== (passing ? 'passing' : 'critical')) {
          throw new Error(`${more.length + (found ? 1 : 0)} instances, ${status}`);
        }
        return found!;
      },
      { ...patience, what: `${service} has one ${passing ? 'passing' : 'critical'} instance` },
    );
  }

  gone(service: string): Promise<unknown> {
    return eventually(async () => (await instances(this.consul, service)).length === 0, {
      ...patience,
      what: `${service} has no instance`,
    });
  }

  /** The node the pod runs on. */
  async nodeOf(name: string): Promise<Node> {
    const { spec } = await this.pod(name);
    return this.nodes.find((node) => node.name === spec.nodeName)!;
  }

  /** Runs a shell command in the pod's container. */
  async exec(name: string, command: string): Promise<string> {
    const [node, { metadata }] = [await this.nodeOf(name), await this.pod(name)];
    const [container] = await node.containers(metadata.uid);
    return node.containerd.ctr(
      'tasks',
      'exec',
      '--exec-id',
      `test-${Date.now()}`,
      container!,
      '/bin/sh',
      '-c',
      command,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started.disposeAsync();
  }
}
