import type { Clock } from '../../../lib/clock.ts';
import type { KubeApi } from '../kube-api.ts';
import { resourceNamed } from '../resources.ts';
import { NodeAddresses } from './node-addresses.ts';
import { containerStatuses, podConditions, type Readiness } from './pod-status.ts';
import { hasEnded, isDeleting, isReady, type Node, type Pod, withConditions } from './shapes.ts';

/** How long the steps of a pod's life take, ms. */
export interface PodTiming {
  /** From its binding to running containers. Default 400. */
  readonly startMs: number;
  /** From running containers to the first success of the readiness probe. Default 300. */
  readonly readyMs: number;
  /** From its deletion to the end of its containers, at most its grace period. Default 1,000. */
  readonly stopMs: number;
}

export interface KubeletOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  /** Asked once for each pod. */
  readonly timing?: (pod: Pod) => Partial<PodTiming>;
}

/** What a kubelet knows of one pod. */
interface Sandbox {
  state: 'starting' | 'running' | 'ready' | 'stopping';
  readonly timing: PodTiming;
  readonly node: string;
  ip: string;
  readiness: Readiness;
  timer: Disposable | undefined;
}

const defaultTiming: PodTiming = { startMs: 400, readyMs: 300, stopMs: 1_000 };
const pods = resourceNamed('pods');

/** All kubelets of the cluster: runs the pods bound to nodes and writes their status. */
export class Kubelets implements Disposable {
  readonly #api: KubeApi;
  readonly #clock: Clock;
  readonly #timing: (pod: Pod) => Partial<PodTiming>;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #addresses = new NodeAddresses();
  readonly #stopped = new Set<string>();
  readonly #subscription: Disposable;

  constructor({ api, clock, timing = () => ({}) }: KubeletOptions) {
    this.#api = api;
    this.#clock = clock;
    this.#timing = timing;
    this.#subscription = api.store.subscribe(({ storage, object, previous }) => {
      if (storage !== 'pods') return;
      if (object === undefined) this.#forget(previous as Pod);
      else this.#sync(object as Pod);
    });
  }

  /** The readiness probe of a pod that runs or will run. Without reason and message, the kubelet's own are reported. */
  setReadiness(namespace: string, name: string, readiness: Readiness): void {
    const pod = this.#api.store.get('pods', namespace, name) as Pod | undefined;
    if (pod === undefined) throw new Error(`pod ${namespace}/${name} does not exist`);
    const sandbox = this.#sandboxes.get(pod.metadata.uid);
    if (sandbox === undefined) throw new Error(`pod ${namespace}/${name} is on no node yet`);
    sandbox.readiness = readiness;
    this.#report(pod, sandbox);
  }

  /** The node's kubelet falls silent: nothing on it changes any more, containers run on. */
  stop(node: string): void {
    this.#stopped.add(node);
  }

  /** The machine is gone, with all that ran on it. */
  lose(node: string): void {
    this.#stopped.add(node);
    for (const [uid, sandbox] of this.#sandboxes) if (sandbox.node === node) this.#end(uid, sandbox);
  }

  isStopped(node: string): boolean {
    return this.#stopped.has(node);
  }

  /** Whether the containers of a pod run: those of one that the API server does not have end when its kubelet hears. */
  runs(uid: string): boolean {
    return this.#sandboxes.has(uid);
  }

  /** It comes back and brings the status of its pods up to date. */
  start(node: string): void {
    this.#stopped.delete(node);
    this.resync();
  }

  /** Looks at every pod again: after a restore of the store, which notifies no listener. */
  resync(): void {
    const present = new Set<string>();
    for (const pod of this.#api.store.list('pods') as readonly Pod[]) present.add(pod.metadata.uid);
    for (const [uid, sandbox] of this.#sandboxes) if (!present.has(uid)) this.#end(uid, sandbox);
    for (const pod of this.#api.store.list('pods') as readonly Pod[]) {
      const sandbox = this.#sandboxes.get(pod.metadata.uid);
      this.#sync(pod);
      if (sandbox !== undefined) this.#report(pod, sandbox);
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    for (const [uid, sandbox] of this.#sandboxes) this.#end(uid, sandbox);
  }

  #sync(pod: Pod): void {
    const node = pod.spec.nodeName ?? '';
    if (node === '' || this.#stopped.has(node)) return;
    const sandbox = this.#sandboxes.get(pod.metadata.uid) ?? this.#admit(pod, node);
    if (sandbox === undefined) return;
    if (isDeleting(pod)) this.#terminate(pod, sandbox);
    // Somebody set the condition of a readiness gate.
    else if (sandbox.state === 'ready') this.#report(pod, sandbox);
  }

  #admit(pod: Pod, node: string): Sandbox | undefined {
    if (hasEnded(pod)) return undefined;
    const timing = { ...defaultTiming, ...this.#timing(pod) };
    const { podIP = '' } = pod.status;
    const running = podIP !== '' && isReady(pod);
    const sandbox: Sandbox = {
      state: running ? 'ready' : 'starting',
      timing,
      node,
      ip: podIP,
      readiness: { ready: true },
      timer: undefined,
    };
    this.#sandboxes.set(pod.metadata.uid, sandbox);
    if (podIP !== '') this.#addresses.claim(node, podIP);
    // Met for the first time though it runs: an earlier state of the store has come back.
    if (running) return sandbox;
    this.#after(timing.startMs, pod, sandbox, (current) => {
      sandbox.state = 'running';
      sandbox.ip ||= this.#addressFor(pod, node);
      this.#report(current, sandbox);
      this.#after(timing.readyMs, pod, sandbox, (latest) => {
        sandbox.state = 'ready';
        this.#report(latest, sandbox);
      });
    });
    return sandbox;
  }

  #terminate(pod: Pod, sandbox: Sandbox): void {
    if (sandbox.state === 'stopping') return;
    sandbox.state = 'stopping';
    const grace = 1000 * (pod.metadata.deletionGracePeriodSeconds ?? 30);
    this.#after(Math.min(sandbox.timing.stopMs, grace), pod, sandbox, (current) => {
      const { namespace = '', name } = current.metadata;
      this.#report(current, sandbox, 'Succeeded');
      this.#api.registry.delete(pods, namespace, name, { gracePeriodSeconds: 0 });
    });
  }

  #report(pod: Pod, sandbox: Sandbox, phase = 'Running'): void {
    // Without an address nothing ever ran.
    if (sandbox.ip === '' || this.#stopped.has(sandbox.node)) return;
    const ended = phase === 'Succeeded';
    const containersReady: Readiness =
      sandbox.state === 'running' || ended ? { ready: false } : sandbox.readiness;
    const time = this.#api.store.time();
    const hostIP = this.#nodeAddress(sandbox.node);
    const conditions = podConditions(pod, containersReady, ended);
    this.#api.store.put(pods, {
      ...pod,
      status: {
        ...pod.status,
        phase,
        hostIP,
        hostIPs: [{ ip: hostIP }],
        podIP: sandbox.ip,
        podIPs: [{ ip: sandbox.ip }],
        startTime: pod.status['startTime'] ?? time,
        conditions: withConditions(pod.status.conditions, conditions, time),
        containerStatuses: containerStatuses(pod, containersReady.ready, ended, time),
      },
    });
  }

  /** Does `step` after `ms` with the pod as it is then, unless the pod or its node is gone. */
  #after(ms: number, { metadata }: Pod, sandbox: Sandbox, step: (pod: Pod) => void): void {
    sandbox.timer?.[Symbol.dispose]();
    sandbox.timer = this.#clock.schedule(ms, () => {
      const pod = this.#api.store.get('pods', metadata.namespace, metadata.name) as Pod | undefined;
      if (pod?.metadata.uid !== metadata.uid) return;
      if (this.#stopped.has(sandbox.node)) this.#after(1_000, pod, sandbox, step);
      else step(pod);
    });
  }

  #addressFor(pod: Pod, node: string): string {
    return pod.spec.hostNetwork === true ? this.#nodeAddress(node) : this.#addresses.take(node);
  }

  #nodeAddress(name: string): string {
    const node = this.#api.store.get('nodes', undefined, name) as Node | undefined;
    return node?.status.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
  }

  /** The API server does not have it any more: its containers get a signal to stop, and end within their grace. */
  #forget({ metadata }: Pod): void {
    const { uid } = metadata;
    const sandbox = this.#sandboxes.get(uid);
    if (sandbox === undefined || this.#stopped.has(sandbox.node)) return;
    // One that was seen ending has ended by then.
    if (sandbox.state === 'stopping') this.#end(uid, sandbox);
    else {
      sandbox.state = 'stopping';
      sandbox.timer?.[Symbol.dispose]();
      sandbox.timer = this.#clock.schedule(sandbox.timing.stopMs, () => this.#end(uid, sandbox));
    }
  }

  #end(uid: string, sandbox: Sandbox): void {
    sandbox.timer?.[Symbol.dispose]();
    this.#addresses.release(sandbox.node, sandbox.ip);
    this.#sandboxes.delete(uid);
  }
}
