import type { KubernetesObject, V1EndpointSlice, V1Lease, V1Pod, V1Service } from '@kubernetes/client-node';
import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/deadline.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import type { Transport } from '../lib/transport.ts';
import { type RouteSource, sourceOfRoute } from '../model/route.ts';
import type { EvidenceView, Subject } from '../plan/evidence.ts';
import type { ReadAnswer } from '../plan/guard.ts';
import { KubeClient } from './client.ts';
import { currentVersion, listParts } from './reflector/list-pager.ts';
import {
  collectionUrl,
  endpointSliceResource,
  kubeNodeResource,
  podResource,
  type Resource,
  routeResourceOf,
  serviceResource,
  versionsOf,
} from './reflector/resource.ts';

export interface ConsistentReadsOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly view: Pick<EvidenceView, 'pod' | 'service' | 'route'>;
  /** Only these, in namespaced mode. Empty: all. */
  readonly namespaces: readonly string[];
  /** What is watched beside pods and Services. */
  readonly sources: readonly RouteSource[];
  /** Only pods with these labels may be registered. */
  readonly podLabelSelector?: string | undefined;
  /** The subject exists although the view does not have it: the view is behind. */
  readonly onPresent?: (subject: Subject) => void;
}

type PodSubject = Extract<Subject, { kind: 'pod' }>;

const reviewPath = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
/** Whatever its labels. */
const anyPod = podResource();
/** A kubelet renews the Lease with its node's name every ten seconds (KEP-589). */
const leaseResource: Resource = {
  name: 'leases',
  kind: 'Lease',
  groupPath: '/apis/coordination.k8s.io/v1',
};
const leaseNamespace = 'kube-node-lease';
const longestMs = 10_000;
/** More names than this are read by one list instead of one by one. */
const manyNames = 20;

/**
 * Consistent reads of objects that are missing, and of objects that explain why. They carry no resourceVersion, so
 * that no cache that lags answers them. The right to list is enough.
 */
export class ConsistentReads {
  readonly #options: ConsistentReadsOptions;
  readonly #client: KubeClient;

  constructor(options: ConsistentReadsOptions) {
    this.#options = options;
    this.#client = new KubeClient(options.transport, options.clock);
  }

  /** One object, by its name. Rejects only when the signal aborts. */
  async at(subject: Subject, signal: AbortSignal): Promise<ReadAnswer> {
    const ask = (until: AbortSignal): Promise<ReadAnswer> => {
      switch (subject.kind) {
        case 'pod':
          return this.#atPod(subject, until);
        case 'service':
          return this.#atService(subject, until);
        case 'node':
          return this.#atNode(subject, until);
        case 'endpoint':
          return this.#atEndpoint(subject, until);
        case 'route':
          return this.#atRoute(subject, until);
      }
    };
    const { clock } = this.#options;
    if (this.#isLeftOut(subject)) return { kind: 'absent' };
    const look = await this.#unlessFailing(signal, () => withDeadline(clock, longestMs, signal, ask));
    return this.#concluded(subject, look);
  }

  /**
   * Many pods by one complete list. So many may be missing because rights were taken away, and a list that shows
   * less for that reason looks like any other. So the rights are reviewed first. Rejects only when the signal
   * aborts.
   */
  async atPods(
    subjects: readonly PodSubject[],
    signal: AbortSignal,
  ): Promise<(subject: PodSubject) => ReadAnswer> {
    const wanted = new Map(subjects.map((each) => [keyOf(each), each]));
    const found = new Map<string, V1Pod>();
    const selected = new Set<string>();
    const { podLabelSelector, namespaces } = this.#options;
    const read = async (namespace: string | undefined): Promise<ReadAnswer> => {
      const refusal = await this.#refusal('pods', namespace, signal);
      if (refusal !== undefined) return { kind: 'forbidden', error: refusal };
      const list = { ...this.#options, resource: anyPod, namespace, signal };
      for await (const { items } of listParts<V1Pod>(list)) {
        for (const pod of items) {
          const key = keyOf({ namespace: pod.metadata?.namespace ?? '', name: pod.metadata?.name ?? '' });
          if (wanted.has(key)) found.set(key, pod);
        }
      }
      if (podLabelSelector === undefined || found.size === 0) return { kind: 'absent' };
      const ours = { ...list, resource: podResource(podLabelSelector) };
      for await (const { items } of listParts<V1Pod>(ours)) {
        for (const { metadata } of items) {
          selected.add(keyOf({ namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' }));
        }
      }
      return { kind: 'absent' };
    };
    // When one namespace is refused, the others may still be read.
    const looks = new Map<string | undefined, ReadAnswer>();
    const inside = subjects.filter((subject) => !this.#isLeftOut(subject));
    const scopes = namespaces.length > 0 ? inside.map(({ namespace }) => namespace) : [undefined];
    for (const scope of new Set(scopes))
      looks.set(scope, await this.#unlessFailing(signal, () => read(scope)));
    return (subject) => {
      const look = looks.get(namespaces.length > 0 ? subject.namespace : undefined);
      if (look === undefined) return { kind: 'absent' };
      if (look.kind !== 'absent') return look;
      const key = keyOf(subject);
      const own = this.#lookOf(subject, found.get(key));
      const isLeft = own.kind === 'present' && podLabelSelector !== undefined && !selected.has(key);
      return this.#concluded(subject, isLeft ? { kind: 'explained', because: 'withdrawn' } : own);
    };
  }

  /** When the kubelets of these nodes last renewed their Leases, by their own clocks. Nodes without a Lease are left out. */
  async leases(nodes: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const found = await this.#byName<V1Lease>(leaseResource, leaseNamespace, nodes, signal);
    // A string, as the API sends it; the type is that of a client that parses.
    return new Map([...found].map(([name, { spec }]) => [name, String(spec?.renewTime ?? '')]));
  }

  /** Rejects with `forbidden` when the Leases of kubelets may not be read. */
  async probeLeases(signal: AbortSignal): Promise<void> {
    await withDeadline(this.#options.clock, longestMs, signal, (until) =>
      currentVersion({
        ...this.#options,
        resource: leaseResource,
        namespace: leaseNamespace,
        signal: until,
      }),
    );
  }

  /** Which of these nodes exist. */
  async kubeNodes(names: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const found = await this.#byName<KubernetesObject>(kubeNodeResource, undefined, names, signal);
    return new Set(found.keys());
  }

  /** How far the API server's history has come, by the first namespace that may be read. */
  async version(signal: AbortSignal): Promise<string> {
    const { clock, namespaces } = this.#options;
    const scopes = namespaces.length > 0 ? [...namespaces] : [undefined];
    for (;;) {
      const namespace = scopes.shift();
      try {
        return await withDeadline(clock, longestMs, signal, (until) =>
          currentVersion({ ...this.#options, resource: anyPod, namespace, signal: until }),
        );
      } catch (thrown) {
        if (scopes.length === 0 || RegistrarError.from(thrown).code !== 'forbidden') throw thrown;
      }
    }
  }

  async #byName<O extends KubernetesObject>(
    resource: Resource,
    namespace: string | undefined,
    names: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<Map<string, O>> {
    const found = new Map<string, O>();
    const note = (object: O | undefined) => {
      const name = object?.metadata?.name ?? '';
      if (object !== undefined && names.has(name)) found.set(name, object);
    };
    if (names.size > manyNames) {
      for await (const { items } of listParts<O>({ ...this.#options, resource, namespace, signal })) {
        for (const item of items) note(item);
      }
      return found;
    }
    await withDeadline(this.#options.clock, longestMs, signal, async (until) => {
      for (const name of names) note(await this.#named<O>(resource, namespace, name, until));
    });
    return found;
  }

  /** Whether the configuration no longer names its namespace, so that nothing of it can be read. */
  #isLeftOut(subject: Subject): boolean {
    const { namespaces, sources } = this.#options;
    if (subject.kind === 'route' && !sources.includes(sourceOfRoute(subject.route))) return true;
    return subject.kind !== 'node' && namespaces.length > 0 && !namespaces.includes(subject.namespace);
  }

  #concluded(subject: Subject, look: ReadAnswer): ReadAnswer {
    if (look.kind === 'present') this.#options.onPresent?.(subject);
    return look;
  }

  async #atPod(subject: PodSubject, signal: AbortSignal): Promise<ReadAnswer> {
    const { namespace, name } = subject;
    const look = this.#lookOf(subject, await this.#named<V1Pod>(anyPod, namespace, name, signal));
    const { podLabelSelector } = this.#options;
    if (look.kind !== 'present' || podLabelSelector === undefined) return look;
    const selected = await this.#named(
      { ...anyPod, labelSelector: podLabelSelector },
      namespace,
      name,
      signal,
    );
    return selected === undefined ? { kind: 'explained', because: 'withdrawn' } : look;
  }

  #lookOf(subject: PodSubject, pod: V1Pod | undefined): ReadAnswer {
    if (pod?.metadata?.uid !== subject.uid) return { kind: 'absent' };
    if (pod.metadata.deletionTimestamp) return { kind: 'explained', because: 'terminating' };
    const { phase } = pod.status ?? {};
    if (phase === 'Succeeded' || phase === 'Failed') return { kind: 'explained', because: 'finished' };
    const known = this.#options.view.pod(subject.namespace, subject.name);
    return isKnown(known, pod) ? { kind: 'unchanged' } : { kind: 'present' };
  }

  async #atService(
    { namespace, name }: { namespace: string; name: string },
    signal: AbortSignal,
  ): Promise<ReadAnswer> {
    const service = await this.#named<V1Service>(serviceResource, namespace, name, signal);
    if (service === undefined) return { kind: 'absent' };
    if (service.metadata?.deletionTimestamp) return { kind: 'explained', because: 'service-deleted' };
    return isKnown(this.#options.view.service(namespace, name), service)
      ? { kind: 'unchanged' }
      : { kind: 'present' };
  }

  /** A node that is not there proves by itself that nothing is reached by it. */
  async #atNode({ name }: Extract<Subject, { kind: 'node' }>, signal: AbortSignal): Promise<ReadAnswer> {
    const node = await this.#named<KubernetesObject>(kubeNodeResource, undefined, name, signal);
    return node === undefined ? { kind: 'explained', because: 'node-gone' } : { kind: 'present' };
  }

  /** Where the API server serves the kind in no version, it has no such object. */
  async #atRoute(
    { route, namespace, name }: Extract<Subject, { kind: 'route' }>,
    signal: AbortSignal,
  ): Promise<ReadAnswer> {
    for (const resource of versionsOf(routeResourceOf[route])) {
      try {
        const object = await this.#named(resource, namespace, name, signal);
        if (object === undefined) return { kind: 'absent' };
        if (object.metadata?.deletionTimestamp) return { kind: 'explained', because: 'route-deleted' };
        const known = this.#options.view.route({ kind: route, namespace, name });
        return isKnown(known, object) ? { kind: 'unchanged' } : { kind: 'present' };
      } catch (thrown) {
        if (RegistrarError.from(thrown).code !== 'not-found') throw thrown;
      }
    }
    return { kind: 'absent' };
  }

  /** A slice that lists the backend, although the stores have none, or none that does. */
  async #atEndpoint(
    { namespace, service, podUid, address }: Extract<Subject, { kind: 'endpoint' }>,
    signal: AbortSignal,
  ): Promise<ReadAnswer> {
    const labelSelector = `kubernetes.io/service-name=${service}`;
    const path = collectionUrl({ ...endpointSliceResource, labelSelector }, namespace, {});
    const slices = await this.#client.list<V1EndpointSlice>(path, { signal });
    const isListed = slices.some(({ endpoints }) =>
      endpoints?.some(({ addresses, targetRef }) =>
        podUid === '' ? addresses.includes(address) : targetRef?.uid === podUid,
      ),
    );
    return { kind: isListed ? 'present' : 'absent' };
  }

  /** Reads by a list of one object, for which the rights of the reflectors are enough. */
  async #named<O extends KubernetesObject>(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<O | undefined> {
    const path = collectionUrl({ ...resource, fieldSelector: `metadata.name=${name}` }, namespace, {});
    return (await this.#client.list<O>(path, { signal }))[0];
  }

  /** Why the resource may not be listed; undefined when it may, or when this cannot be found out. */
  async #refusal(
    resource: string,
    namespace: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const resourceAttributes = { verb: 'list', group: '', resource, ...(namespace ? { namespace } : {}) };
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' };
    try {
      const object = { ...review, spec: { resourceAttributes } };
      const answer = await withDeadline(this.#options.clock, longestMs, signal, (until) =>
        this.#client.create<Review>(reviewPath, object, { signal: until }),
      );
      return answer.status?.allowed === false ? `list on ${resource} is not allowed any more` : undefined;
    } catch (thrown) {
      signal.throwIfAborted();
      // Every authenticated user may ask, unless this right was taken away. Then the list shows whether it is refused.
      const { code } = RegistrarError.from(thrown);
      if (code === 'forbidden' || code === 'not-found') return undefined;
      throw thrown;
    }
  }

  async #unlessFailing(signal: AbortSignal, look: () => Promise<ReadAnswer>): Promise<ReadAnswer> {
    try {
      return await look();
    } catch (thrown) {
      signal.throwIfAborted();
      const error = describe(thrown);
      return { kind: RegistrarError.from(thrown).code === 'forbidden' ? 'forbidden' : 'failed', error };
    }
  }
}

interface Review extends KubernetesObject {
  readonly spec: unknown;
  readonly status?: { readonly allowed?: boolean };
}

/** Whether the stores have this very version, so that their view of it is right. */
function isKnown(
  known: { readonly uid: string; readonly resourceVersion: string } | undefined,
  object: KubernetesObject,
): boolean {
  return (
    known !== undefined &&
    known.uid === object.metadata?.uid &&
    known.resourceVersion === object.metadata.resourceVersion
  );
}

const keyOf = ({ namespace, name }: { namespace: string; name: string }): string => `${namespace}/${name}`;
