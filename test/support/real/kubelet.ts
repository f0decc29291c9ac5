/**
 * Nodes, scheduler and kubelets for a control plane that has none: pods are bound to simulated nodes, given an
 * address and reported Running and Ready; deleted ones are let go. No container runs anywhere.
 *
 * Everything about a pod is decided from its object as last seen, one pod at a time, so that what was missed
 * while paused or while the API server was away is made up for by the next list.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { HttpError } from './http.ts';
import type { KubeApi, KubeList, KubeObject, WatchEvent } from './kube-api.ts';

export interface NodeOptions {
  readonly name: string;
  /** InternalIP. Default 10.0.0.1 for the first node, 10.0.0.2 for the second, and so on. */
  readonly address?: string;
  readonly externalAddress?: string;
  /** Default zone-a, zone-b and zone-c in turn. */
  readonly zone?: string;
  /** Default region-1. */
  readonly region?: string;
}

export interface KubeletOptions {
  /** Nodes to create, or how many (node-0, node-1, …). Default 3. */
  readonly nodes?: number | readonly NodeOptions[];
  /** New pods become ready by themselves. Default true; otherwise they wait for `setReady`. */
  readonly autoReady?: boolean;
  /** From a pod's deletion to its end, ms. Default 0. */
  readonly deletionDelayMs?: number;
  /** Give pods a second, IPv6 address. Default false. */
  readonly dualStack?: boolean;
  /** First byte of pods' IPv4 addresses. Default 10; with 127 a test can listen where a pod is said to be. */
  readonly podNetwork?: 10 | 127;
  /** How often the node's Lease is renewed, ms. Default 10,000, as real ones do. */
  readonly leaseMs?: number;
}

export interface Reason {
  readonly reason?: string;
  readonly message?: string;
}

export async function startKubelet(api: KubeApi, options: KubeletOptions = {}): Promise<Kubelet> {
  const kubelet = new Kubelet(api, options);
  await kubelet.start();
  return kubelet;
}

interface Condition extends Reason {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  lastTransitionTime?: string;
}

/** What the kubelet reads of a pod. */
export interface Pod extends KubeObject {
  spec: {
    nodeName?: string;
    hostNetwork?: boolean;
    containers: { name: string; image: string }[];
    readinessGates?: { conditionType: string }[];
  };
  status?: {
    phase?: string;
    podIP?: string;
    podIPs?: { ip: string }[];
    startTime?: string;
    conditions?: Condition[];
  };
}

type Containers = { readonly ready: true } | ({ readonly ready: false } & Reason);

/** Requests under way at once: enough for hundreds of pods in seconds, few enough to leave the server air. */
const workers = 32;
/** Pause before listing again after a failure, ms. */
const retryMs = 200;

export class Kubelet implements AsyncDisposable {
  readonly nodes: readonly Required<Omit<NodeOptions, 'externalAddress'>>[];
  /** Nodes whose Leases are not renewed: their kubelets are not heard. */
  readonly silent = new Set<string>();
  /** Nodes whose machines are gone. */
  readonly #removed = new Set<string>();
  readonly #api: KubeApi;
  readonly #options: KubeletOptions;
  readonly #stopped = new AbortController();
  /** Latest object of every pod, by namespace/name. */
  readonly #pods = new Map<string, Pod>();
  /** What a test has said about a pod's containers, or the phase it was given. */
  readonly #containers = new Map<string, Containers>();
  readonly #finished = new Map<string, 'Succeeded' | 'Failed'>();
  /** Host number of each pod's address, by pod uid. */
  readonly #addresses = new Map<string, number>();
  readonly #dirty = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #ends = new Map<string, NodeJS.Timeout>();
  #nextAddress = 1;
  #nextNode = 0;
  #paused = false;
  #watching: Promise<void> | undefined;

  /** Use `startKubelet`. */
  constructor(api: KubeApi, options: KubeletOptions) {
    this.#api = api;
    this.#options = options;
    const nodes = options.nodes ?? 3;
    const given =
      typeof nodes === 'number' ? Array.from({ length: nodes }, (_, i) => ({ name: `node-${i}` })) : nodes;
    this.nodes = given.map((node: NodeOptions, i) => ({
      address: `10.0.${i >> 8}.${(i & 255) + 1}`,
      zone: `zone-${'abc'[i % 3]}`,
      region: 'region-1',
      ...node,
    }));
  }

  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => this.#createNode(node)));
    this.#watching = Promise.all([this.#run(), this.#renewLeases()]).then(() => {});
  }

  /** The machine is gone, and a cloud's node controller has removed the Node. */
  async removeNode(name: string): Promise<void> {
    this.#removed.add(name);
    await this.#api.delete(`/api/v1/nodes/${name}`);
  }

  /** The pod's containers pass their readiness probes from now on. */
  setReady(namespace: string, name: string): void {
    this.#setContainers(namespace, name, { ready: true });
  }

  /** The pod's containers fail their readiness probes from now on. */
  setUnready(namespace: string, name: string, reason: Reason = {}): void {
    this.#setContainers(namespace, name, { ready: false, ...reason });
  }

  /** The pod's containers have ended. */
  finish(namespace: string, name: string, phase: 'Succeeded' | 'Failed'): void {
    const key = `${namespace}/${name}`;
    this.#finished.set(key, phase);
    this.#mark(key);
  }

  async setNodeReady(name: string): Promise<void> {
    await this.#writeNodeReady(name, 'True', {
      reason: 'KubeletReady',
      message: 'kubelet is posting ready status',
    });
  }

  /** `Unknown` is what the control plane writes when a node is not heard from; `False` is the node's own word. */
  async setNodeNotReady(name: string, reason: Reason & { status?: 'False' | 'Unknown' } = {}): Promise<void> {
    const { status = 'False', ...rest } = reason;
    const ordinary =
      status === 'Unknown'
        ? { reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' }
        : { reason: 'KubeletNotReady', message: 'container runtime is down' };
    await this.#writeNodeReady(name, status, { ...ordinary, ...rest });
  }

  /** Nothing is bound, reported or let go until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#pump();
  }

  /** Ends the simulation. Nodes and pods stay as they are. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const timer of this.#ends.values()) clearTimeout(timer);
    await this.#watching;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #createNode(node: (typeof this.nodes)[number] & NodeOptions): Promise<void> {
    const labels = {
      'kubernetes.io/hostname': node.name,
      'topology.kubernetes.io/zone': node.zone,
      'topology.kubernetes.io/region': node.region,
    };
    const addresses = [
      { type: 'InternalIP', address: node.address },
      ...(node.externalAddress === undefined ? [] : [{ type: 'ExternalIP', address: node.externalAddress }]),
      { type: 'Hostname', address: node.name },
    ];
    try {
      await this.#api.post('/api/v1/nodes', { metadata: { name: node.name, labels } });
    } catch (error) {
      // It is there when a kubelet takes over from one that was stopped.
      if (!(error instanceof HttpError) || error.status !== 409) throw error;
    }
    await this.#api.patchAs(`/api/v1/nodes/${node.name}/status`, { status: { addresses } });
    await this.setNodeReady(node.name);
  }

  async #writeNodeReady(name: string, status: Condition['status'], reason: Reason): Promise<void> {
    const now = timestamp();
    const condition = { type: 'Ready', status, lastHeartbeatTime: now, lastTransitionTime: now, ...reason };
    await this.#api.patchAs(`/api/v1/nodes/${name}/status`, { status: { conditions: [condition] } });
  }

  /** The namespace is there once the API server has made it. */
  async #renewLeases(): Promise<void> {
    const { signal } = this.#stopped;
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    while (!signal.aborted) {
      for (const { name } of this.nodes) {
        if (this.silent.has(name) || this.#removed.has(name)) continue;
        const renewTime = new Date().toISOString().replace('Z', '000Z');
        const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
        try {
          await this.#api.patchAs(`${leases}/${name}`, { spec }, 'merge');
        } catch (error) {
          if (!(error instanceof HttpError) || error.status !== 404) continue;
          await this.#api.post(leases, { metadata: { name }, spec }).catch(() => {});
        }
      }
      await delay(this.#options.leaseMs ?? 10_000, undefined, { signal }).catch(() => {});
    }
  }

  #setContainers(namespace: string, name: string, containers: Containers): void {
    const key = `${namespace}/${name}`;
    this.#containers.set(key, containers);
    this.#mark(key);
  }

  /** List and watch, for ever. */
  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        const list = await this.#api.get<KubeList<Pod>>('/api/v1/pods', { signal });
        const listed = new Set(list.items.map(keyOf));
        for (const key of this.#pods.keys()) if (!listed.has(key)) this.#forget(key);
        for (const pod of list.items) this.#see(pod);
        let version = list.metadata.resourceVersion;
        while (!signal.aborted) {
          for await (const event of this.#api.watch<Pod>('/api/v1/pods', version, signal)) {
            if (event.type === 'ERROR') throw new Error('the watch is too old');
            this.#apply(event);
            version = event.object.metadata.resourceVersion ?? version;
          }
        }
      } catch {
        // The API server is away, or the watch too old: both are part of the tests, and both mean to list again.
        await delay(retryMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  #apply(event: WatchEvent<Pod>): void {
    if (event.type === 'DELETED') this.#forget(keyOf(event.object));
    else if (event.type !== 'BOOKMARK') this.#see(event.object);
  }

  #see(pod: Pod): void {
    const key = keyOf(pod);
    if (this.#pods.get(key)?.metadata.uid !== pod.metadata.uid) this.#forget(key);
    this.#pods.set(key, pod);
    const host = hostNumber(pod);
    if (host !== undefined) {
      this.#addresses.set(uidOf(pod), host);
      this.#nextAddress = Math.max(this.#nextAddress, host + 1);
    }
    this.#mark(key);
  }

  #forget(key: string): void {
    const pod = this.#pods.get(key);
    if (pod === undefined) return;
    this.#pods.delete(key);
    this.#addresses.delete(uidOf(pod));
    this.#containers.delete(key);
    this.#finished.delete(key);
    clearTimeout(this.#ends.get(key));
    this.#ends.delete(key);
  }

  #mark(key: string): void {
    this.#dirty.add(key);
    this.#pump();
  }

  /** A pod that changes while it is worked on stays dirty and is taken again afterwards. */
  #pump(): void {
    if (this.#paused || this.#stopped.signal.aborted) return;
    for (const key of this.#dirty) {
      if (this.#busy.size >= workers) return;
      if (this.#busy.has(key)) continue;
      this.#dirty.delete(key);
      this.#busy.add(key);
      this.#work(key)
        .catch(() => this.#retry(key))
        .finally(() => {
          this.#busy.delete(key);
          this.#pump();
        });
    }
  }

  /** Conflicts and an absent API server pass; a pod that is gone is forgotten by the watch. */
  #retry(key: string): void {
    setTimeout(() => this.#mark(key), retryMs).unref();
  }

  async #work(key: string): Promise<void> {
    const pod = this.#pods.get(key);
    if (pod === undefined) return;
    if (pod.spec.nodeName === undefined) {
      if (pod.metadata.deletionTimestamp === undefined) await this.#bind(pod);
      return;
    }
    const node = this.nodes.find(({ name }) => name === pod.spec.nodeName);
    if (node === undefined || this.#removed.has(node.name)) return;
    await this.#report(pod, node.address);
    if (pod.metadata.deletionTimestamp !== undefined) this.#endLater(key, pod);
  }

  async #bind(pod: Pod): Promise<void> {
    const nodes = this.nodes.filter(({ name }) => !this.#removed.has(name));
    const node = nodes[this.#nextNode++ % nodes.length];
    if (node === undefined) return;
    await this.#api.post(`${pathOf(pod)}/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: pod.metadata.name },
      target: { apiVersion: 'v1', kind: 'Node', name: node.name },
    });
  }

  /** Writes the status when it says something else than the pod's. */
  async #report(pod: Pod, hostIP: string): Promise<void> {
    const now = timestamp();
    const startTime = pod.status?.startTime ?? now;
    const status = this.#statusOf(pod, hostIP, startTime);
    if (saysTheSame(pod, status)) return;
    const before = new Map(pod.status?.conditions?.map((condition) => [condition.type, condition]));
    const conditions = status.conditions.map((condition) => {
      const old = before.get(condition.type);
      const since = old?.status === condition.status ? old.lastTransitionTime : now;
      // Null takes away what an earlier report said; the patch would leave it otherwise.
      return {
        ...condition,
        reason: condition.reason ?? null,
        message: condition.message ?? null,
        lastTransitionTime: since ?? now,
      };
    });
    await this.#api.patchAs(`${pathOf(pod)}/status`, {
      metadata: { uid: uidOf(pod) },
      status: { ...status, conditions },
    });
  }

  #statusOf(pod: Pod, hostIP: string, startTime: string) {
    const key = keyOf(pod);
    const phase = this.#finished.get(key) ?? 'Running';
    const said: Containers = this.#containers.get(key) ?? { ready: this.#options.autoReady !== false };
    const containers: Containers = phase === 'Running' ? said : { ready: false, reason: 'PodCompleted' };
    const ips = this.#addressesOf(pod, hostIP);
    return {
      phase,
      startTime,
      hostIP,
      hostIPs: [{ ip: hostIP }],
      podIP: ips[0] as string,
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [
        { type: 'PodScheduled', status: 'True' },
        { type: 'Initialized', status: 'True' },
        containersReady(containers),
        podReady(pod, containers),
      ] as Condition[],
      containerStatuses: pod.spec.containers.map(({ name, image }) => ({
        name,
        image,
        imageID: image,
        ready: containers.ready,
        restartCount: 0,
        started: phase === 'Running',
        state: containerState(phase, startTime),
      })),
    };
  }

  /** A pod keeps its address for life; addresses are not used again while the simulation lasts. */
  #addressesOf(pod: Pod, hostIP: string): string[] {
    if (pod.spec.hostNetwork) return [hostIP];
    const uid = uidOf(pod);
    const host = this.#addresses.get(uid) ?? this.#nextAddress++;
    this.#addresses.set(uid, host);
    const { podNetwork = 10 } = this.#options;
    const ipv4 = `${podNetwork}.${64 + (host >> 16)}.${(host >> 8) & 255}.${host & 255}`;
    return this.#options.dualStack ? [ipv4, `fd00:10::${host.toString(16)}`] : [ipv4];
  }

  #endLater(key: string, pod: Pod): void {
    if (this.#ends.has(key)) return;
    const timer = setTimeout(() => void this.#end(key, pod), this.#options.deletionDelayMs ?? 0);
    this.#ends.set(key, timer.unref());
  }

  async #end(key: string, pod: Pod): Promise<void> {
    this.#ends.delete(key);
    if (this.#stopped.signal.aborted) return;
    try {
      if (this.#paused) throw new Error('paused');
      await this.#api.delete(pathOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: uidOf(pod) } });
    } catch (error) {
      // 404 and 409: it is gone, or another of its name is there.
      if (error instanceof HttpError && (error.status === 404 || error.status === 409)) return;
      this.#retry(key);
    }
  }
}

function containersReady(containers: Containers): Condition {
  if (containers.ready) return { type: 'ContainersReady', status: 'True' };
  const { reason = 'ContainersNotReady', message = 'containers with unready status' } = containers;
  return { type: 'ContainersReady', status: 'False', reason, message };
}

/** A pod is ready when its containers are and every readiness gate's condition is True. */
function podReady(pod: Pod, containers: Containers): Condition {
  if (!containers.ready) return { ...containersReady(containers), type: 'Ready' };
  const closed = pod.spec.readinessGates?.find(
    ({ conditionType }) =>
      !pod.status?.conditions?.some(({ type, status }) => type === conditionType && status === 'True'),
  );
  if (closed === undefined) return { type: 'Ready', status: 'True' };
  const message = `corresponding condition of pod readiness gate "${closed.conditionType}" does not exist or is not True`;
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message };
}

function containerState(phase: string, startedAt: string): Record<string, unknown> {
  if (phase === 'Running') return { running: { startedAt } };
  const [exitCode, reason] = phase === 'Succeeded' ? [0, 'Completed'] : [1, 'Error'];
  return { running: null, terminated: { exitCode, reason, startedAt, finishedAt: timestamp() } };
}

function saysTheSame(pod: Pod, wanted: { phase: string; podIP: string; conditions: Condition[] }): boolean {
  const { status } = pod;
  if (status?.phase !== wanted.phase || status.podIP !== wanted.podIP) return false;
  return wanted.conditions.every((want) =>
    status.conditions?.some(
      (have) =>
        have.type === want.type &&
        have.status === want.status &&
        have.reason === want.reason &&
        have.message === want.message,
    ),
  );
}

function keyOf(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`;
}

function pathOf(pod: Pod): string {
  return `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
}

function uidOf(pod: Pod): string {
  return pod.metadata.uid as string;
}

/** The host number in an address `#addressesOf` gave out. */
function hostNumber(pod: Pod): number | undefined {
  const match = /^(?:10|127)\.(\d+)\.(\d+)\.(\d+)$/.exec(pod.status?.podIP ?? '');
  if (match === null || pod.spec.hostNetwork) return undefined;
  const [high = 0, middle = 0, low = 0] = match.slice(1).map(Number);
  return ((high - 64) << 16) | (middle << 8) | low;
}

/** Kubernetes' timestamps have whole seconds. */
function timestamp(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}
