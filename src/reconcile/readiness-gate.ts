import type { KubernetesObject } from '@kubernetes/client-node';
import { isFinished, isGated, podHealth, registeredGate } from '../desired/health.ts';
import { KubeClient } from '../kube/client.ts';
import type { Store } from '../kube/store/store.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/deadline.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import { inParallel } from '../lib/in-parallel.ts';
import type { Random } from '../lib/random.ts';
import { forever } from '../lib/retry.ts';
import type { Transport } from '../lib/transport.ts';
import { Wakeup } from '../lib/wakeup.ts';
import type { Logger } from '../logging/logger.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import type { PodRecord } from '../model/pod.ts';
import type { GateVerdict } from './gate-verdict.ts';

export interface ReadinessGatesOptions {
  readonly kube: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly pods: Pick<Store<PodRecord>, 'get' | 'records' | 'subscribe'>;
  /** The Consul node of a Kubernetes node. */
  readonly nodeName: (kubeNode: string) => ConsulNodeName;
  /** What is to be said of the pods on a Consul node, as things are now. */
  readonly judge: (node: ConsulNodeName) => (pod: PodRecord) => GateVerdict;
}

/** A pod whose gate is closed. */
interface Closed {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Since when it is ready but for us and asks for nothing, monotonic ms. */
  notAskedSince: number | undefined;
}

/** How often closed gates are looked at without cause, in milliseconds. */
const lookMs = 2_000;
/** A Service may ask for the pod's registration, and its EndpointSlice may come later than the pod is ready. */
const graceMs = 5_000;
const requestTimeoutMs = 10_000;
const patchesAtOnce = 8;
/** After a 403 nothing is tried for so long, in milliseconds. */
const forbiddenMs = 60_000;

const conditionTexts: Readonly<
  Record<Exclude<GateVerdict, 'wait'>, { readonly reason: string; readonly message: string }>
> = {
  registered: { reason: 'Registered', message: 'registered in Consul' },
  'not-asked': { reason: 'NotAsked', message: 'this pod is not to be registered in Consul' },
  'dry-run': { reason: 'DryRun', message: 'kube-registrar writes nothing to Consul: its policy is dry-run' },
};

/**
 * Opens the readiness gate `kube-registrar.io/registered` of pods that carry it: sets the condition True once
 * the pod is well but for the gate and its instances are passing in Consul, so that a rollout never takes an
 * old pod away before consumers find the new one. A pod that asks for no instance, or for none that can be,
 * gets it, too: the gate must never be what keeps a pod from serving. Once True it stays; False is never set.
 *
 * Level-triggered: who waits is looked at when its node was written, when the pod changes, and every two
 * seconds. Pods without the gate cost nothing.
 */
export class ReadinessGates implements Disposable {
  readonly #options: ReadinessGatesOptions;
  readonly #client: KubeClient;
  readonly #subscription: Disposable;
  /** By Consul node and uid. */
  readonly #closed = new Map<ConsulNodeName, Map<string, Closed>>();
  readonly #dirty = new Set<ConsulNodeName>();
  readonly #backoff: Backoff;
  #isFailing = false;
  readonly #wakeup: Wakeup;

  constructor(options: ReadinessGatesOptions) {
    const { kube, clock, random, pods } = options;
    this.#options = options;
    this.#client = new KubeClient(kube, clock);
    this.#backoff = new Backoff({ random });
    this.#wakeup = new Wakeup(clock);
    this.#subscription = pods.subscribe((before, after) => {
      if (before !== undefined && before.uid !== after?.uid) this.#forget(before);
      if (after !== undefined) this.#consider(after);
    });
    for (const pod of pods.records()) this.#consider(pod);
  }

  /** Something was committed for a node. */
  settled(node: ConsulNodeName): void {
    if (this.#closed.has(node)) this.#look(node);
  }

  /** Until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    await forever(async () => {
      await this.#due(signal);
      const nodes = this.#dirty.size > 0 ? [...this.#dirty] : [...this.#closed.keys()];
      this.#dirty.clear();
      const toOpen = nodes.flatMap((node) => this.#ofNode(node));
      const waits = await inParallel(toOpen, patchesAtOnce, (open) => this.#open(open, signal));
      const waitMs = Math.max(0, ...waits);
      if (waitMs > 0) await clock.sleep(waitMs, signal);
    }, signal);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #consider(pod: PodRecord): void {
    // Most pods carry no gate at all.
    if (pod.gates.length === 0 || !isGated(pod)) return;
    if (!isClosed(pod)) {
      this.#forget(pod);
      return;
    }
    const { namespace, name, uid } = pod;
    const node = this.#options.nodeName(pod.node);
    const ofNode = this.#closed.get(node) ?? new Map<string, Closed>();
    this.#closed.set(node, ofNode);
    if (!ofNode.has(uid)) ofNode.set(uid, { namespace, name, uid, notAskedSince: undefined });
    this.#look(node);
  }

  #forget({ node: kubeNode, uid, gates }: PodRecord): void {
    if (gates.length === 0) return;
    const node = this.#options.nodeName(kubeNode);
    const ofNode = this.#closed.get(node);
    ofNode?.delete(uid);
    if (ofNode?.size === 0) this.#closed.delete(node);
  }

  #look(node: ConsulNodeName): void {
    this.#dirty.add(node);
    this.#wakeup.notify();
  }

  /** Resolves when there is something to look at. */
  async #due(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.#dirty.size === 0) {
      // Without a closed gate there is nothing to look at, and no timer.
      const outcome = await this.#wakeup.wait(this.#closed.size > 0 ? lookMs : undefined, signal);
      if (outcome === 'elapsed') return;
    }
  }

  /** The pods of a node whose gates may open. */
  #ofNode(node: ConsulNodeName): Opening[] {
    const { clock, pods, judge } = this.#options;
    const candidates = [...(this.#closed.get(node)?.values() ?? [])].flatMap((closed) => {
      const pod = pods.get(closed.namespace, closed.name);
      // Its health without our gate: only then the instance can pass.
      const isWell = pod?.uid === closed.uid && pod.ips.length > 0 && podHealth(pod).status === 'passing';
      return isWell ? [{ pod, closed }] : [];
    });
    if (candidates.length === 0) return [];
    const verdictOf = judge(node);
    return candidates.flatMap(({ pod, closed }): Opening[] => {
      const verdict = verdictOf(pod);
      if (verdict !== 'not-asked') closed.notAskedSince = undefined;
      if (verdict === 'wait') return [];
      if (verdict === 'not-asked') {
        closed.notAskedSince ??= clock.now();
        if (clock.now() - closed.notAskedSince < graceMs) return [];
      }
      return [{ pod, verdict }];
    });
  }

  /** Returns how long nothing more should be tried, in milliseconds. */
  async #open({ pod, verdict }: Opening, signal: AbortSignal): Promise<number> {
    const { clock, logger } = this.#options;
    const { namespace, name, uid } = pod;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/status`;
    const condition = {
      type: registeredGate,
      status: 'True',
      ...conditionTexts[verdict],
      lastTransitionTime: new Date(clock.wall()).toISOString().replace(/\.\d+/, ''),
    };
    // With the uid in it, the patch of another pod of that name is a conflict.
    const patch = { metadata: { uid }, status: { conditions: [condition] } };
    try {
      await withDeadline(clock, requestTimeoutMs, signal, (inTime) =>
        this.#client.patch<KubernetesObject>(path, patch, { type: 'strategic-merge', signal: inTime }),
      );
      this.#forget(pod);
      this.#backoff.reset();
      if (this.#isFailing) logger.info('readiness gates can be opened again', { reason: 'GatesOpening' });
      this.#isFailing = false;
      logger.info(`readiness gate of ${namespace}/${name} opened`, {
        reason: 'GateOpened',
        pod: `${namespace}/${name}`,
        because: conditionTexts[verdict].reason,
      });
      return 0;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = RegistrarError.from(thrown);
      if (error.code === 'not-found' || error.code === 'conflict') {
        this.#forget(pod);
        return 0;
      }
      return this.#failed(pod, error);
    }
  }

  #failed({ namespace, name }: PodRecord, error: RegistrarError): number {
    if (!this.#isFailing) {
      this.#isFailing = true;
      this.#options.logger.error(
        `cannot open the readiness gate of ${namespace}/${name}, so the pod is not Ready; retrying`,
        {
          reason: 'GateNotOpened',
          pod: `${namespace}/${name}`,
          code: error.code,
          error: describe(error),
          ...(error.code === 'forbidden'
            ? { hint: 'the ServiceAccount needs the verb patch on pods/status' }
            : {}),
        },
      );
    }
    return error.code === 'forbidden' ? forbiddenMs : this.#backoff.next(error.retryAfterMs);
  }
}

interface Opening {
  readonly pod: PodRecord;
  readonly verdict: Exclude<GateVerdict, 'wait'>;
}

const isClosed = (pod: PodRecord): boolean =>
  pod.node !== '' &&
  !pod.deleting &&
  !isFinished(pod) &&
  pod.gates.some(({ type, status }) => type === registeredGate && !status);
