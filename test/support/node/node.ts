/**
 * A real node: containerd with runc and CNI, and a kubelet. Several may share the network namespace of the test;
 * each has addresses, directories and a control group of its own.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireServers } from '../../servers/locate.ts';
import { eventually } from '../eventually.ts';
import { dataDir } from '../real/data-dir.ts';
import type { Kube } from '../real/kube.ts';
import type { KubeObject } from '../real/kube-api.ts';
import { Server } from '../real/server.ts';
import { Containerd } from './containerd.ts';
import { dnsAddress } from './network.ts';
import { makeControlGroup } from './world.ts';

const run = promisify(execFile);

export interface NodeOptions {
  readonly name: string;
  /** 1 or more; gives the node its addresses and ports. */
  readonly number: number;
  /** Archives of images to have at hand. */
  readonly images: readonly string[];
}

interface NodeObject extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Starts a node; resolves when it is Ready. The user `system:node:NAME` must be known to the API server. */
export async function startNode(kube: Kube, options: NodeOptions): Promise<Node> {
  const { kubelet } = await requireServers(['kubelet']);
  const containerd = await Containerd.create(`node-${options.name}`);
  const node = new Node(await dataDir('node'), kubelet, containerd, kube, options);
  try {
    await node.start();
    return node;
  } catch (error) {
    await node.stop();
    throw error;
  }
}

export class Node implements AsyncDisposable {
  readonly name: string;
  /** InternalIP. */
  readonly address: string;
  readonly kubelet: Server;
  readonly containerd: Containerd;
  readonly #dir: string;
  readonly #kube: Kube;
  readonly #options: NodeOptions;
  #prepared = false;

  /** Use `startNode`. */
  constructor(dir: string, command: string, containerd: Containerd, kube: Kube, options: NodeOptions) {
    this.#dir = dir;
    this.containerd = containerd;
    this.#kube = kube;
    this.#options = options;
    this.name = options.name;
    this.address = `10.0.0.${options.number}`;
    this.kubelet = new Server({
      name: `kubelet of ${this.name}`,
      command,
      args: [
        `--config=${this.#file('kubelet.json')}`,
        `--kubeconfig=${this.#file('kubeconfig')}`,
        `--hostname-override=${this.name}`,
        `--node-ip=${this.address}`,
        // Sockets lie in it, and a socket's path has to be short.
        `--root-dir=/run/test/${this.name}/kubelet`,
        `--cert-dir=${this.#file('certificates')}`,
        `--node-labels=topology.kubernetes.io/zone=zone-${this.name}`,
      ],
      env: { PATH: containerd.path },
      logFile: this.#file('kubelet.log'),
      ready: () => this.isReady(),
    });
  }

  async start(): Promise<void> {
    if (!this.#prepared) await this.#prepare();
    await this.containerd.server.start();
    if (!this.#prepared) {
      for (const image of this.#options.images) await this.containerd.ctr('images', 'import', image);
    }
    this.#prepared = true;
    await this.kubelet.start();
  }

  /** As the API server has it. */
  async isReady(): Promise<boolean> {
    const { status } = await this.#kube.api.get<NodeObject>(`/api/v1/nodes/${this.name}`);
    return status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  }

  /** Ids of the containers that run, of this pod or of all; without the pods' sandboxes. */
  async containers(podUid?: string): Promise<string[]> {
    const filter = ['labels."io.cri-containerd.kind"==container'];
    if (podUid !== undefined) filter.push(`labels."io.kubernetes.pod.uid"==${podUid}`);
    const [listed, tasks] = await Promise.all([
      this.containerd.ctr('containers', 'list', '--quiet', filter.join(',')),
      this.containerd.ctr('tasks', 'list'),
    ]);
    const running = new Set([...tasks.matchAll(/^(\S+)\s+\d+\s+RUNNING/gm)].map(([, id]) => id));
    return listed.split('\n').filter((id) => running.has(id));
  }

  /** SIGKILL to the first process of a container, as the kernel does it when memory runs out. */
  async killContainer(id: string): Promise<void> {
    await this.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', id);
  }

  /** Ends kubelet and containerd. Containers go on; they end with the namespaces of the test. */
  async stop(): Promise<void> {
    await this.kubelet.stop();
    await this.containerd.server.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async log(): Promise<string> {
    return (await run('tail', ['-n', '200', this.#file('kubelet.log')])).stdout;
  }

  async #prepare(): Promise<void> {
    await run('ip', ['address', 'add', `${this.address}/32`, 'dev', 'lo']);
    await mkdir(this.containerd.cniDirectory);
    const group = await makeControlGroup(this.name);
    await writeFile(
      join(this.containerd.cniDirectory, '10-test.conflist'),
      JSON.stringify(this.#cniConfig()),
    );
    await writeFile(this.#file('kubelet.json'), JSON.stringify(this.#kubeletConfig(group)));
    const kubeconfig = await this.#kube.kubeconfigFor({ user: `system:node:${this.name}` });
    await run('cp', [kubeconfig, this.#file('kubeconfig')]);
  }

  #cniConfig(): object {
    const { name, number } = this.#options;
    return {
      cniVersion: '1.0.0',
      name: 'test',
      plugins: [
        {
          type: 'bridge',
          bridge: `cni-${name}`,
          isGateway: true,
          ipam: {
            type: 'host-local',
            dataDir: this.#file('addresses'),
            ranges: [[{ subnet: `10.244.${number}.0/24` }]],
            routes: [{ dst: '0.0.0.0/0' }],
          },
        },
      ],
    };
  }

  #kubeletConfig(controlGroup: string): object {
    return {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      containerRuntimeEndpoint: `unix://${this.containerd.socket}`,
      address: this.address,
      port: 10_250,
      healthzPort: 0,
      podLogsDir: this.#file('logs'),
      staticPodPath: '',
      clusterDNS: [dnsAddress],
      clusterDomain: 'cluster.local',
      // The API server has no certificate for the kubelet; nobody else is in the namespace.
      authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
      authorization: { mode: 'AlwaysAllow' },
      cgroupDriver: 'cgroupfs',
      cgroupRoot: controlGroup,
      // A test machine's control groups may be of either version, and its memory swapped.
      failCgroupV1: false,
      failSwapOn: false,
      enforceNodeAllocatable: [],
      localStorageCapacityIsolation: false,
      // A full disk of the machine is not what is tested.
      evictionHard: {},
      volumePluginDir: this.#file('volume-plugins'),
      imageGCHighThresholdPercent: 100,
      makeIPTablesUtilChains: false,
      registerNode: true,
    };
  }

  #file(name: string): string {
    return join(this.#dir, name);
  }
}

/** Waits until the node is Ready, or is not, as the API server has it. */
export async function untilNode(node: Node, ready: boolean): Promise<void> {
  await eventually(async () => (await node.isReady()) === ready, {
    timeoutMs: 120_000,
    what: `node ${node.name} is ${ready ? 'Ready' : 'not Ready'}`,
  });
}
