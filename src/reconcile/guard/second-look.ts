import type { KubernetesObject, V1EndpointSlice, V1Pod, V1Service } from '@kubernetes/client-node';
import { KubeClient } from '../../kube/client.ts';
import { listParts } from '../../kube/list-pager.ts';
import { collectionUrl, endpointSliceResource, type Resource } from '../../kube/resource.ts';
import type { Clock } from '../../lib/clock.ts';
import { withDeadline } from '../../lib/deadline.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import type { Transport } from '../../lib/transport.ts';
import type { EvidenceView, Subject } from '../../plan/evidence.ts';
import type { Look } from '../../plan/guard.ts';

export interface SecondLookOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly view: Pick<EvidenceView, 'pod' | 'service'>;
  /** Namespaced mode: these only. Empty: all. */
  readonly namespaces: readonly string[];
  /** Pods without these labels are not ours to see. */
  readonly podLabelSelector?: string | undefined;
  /** The subject is there, other than the view says: the view is behind. */
  readonly onPresent?: (subject: Subject) => void;
}

type PodSubject = Extract<Subject, { kind: 'pod' }>;

const reviewPath = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
/** Without the reflector's field selector: a pod that finished is to be found. */
const anyPod: Resource = { name: 'pods', kind: 'Pod', groupPath: '/api/v1' };
const longestMs = 10_000;

/**
 * Second, consistent reads of what is missing: with no resourceVersion, so that they are never served from a
 * cache that lags. Never rejects but for the caller's signal.
 */
export class SecondLook {
  readonly #options: SecondLookOptions;
  readonly #client: KubeClient;

  constructor(options: SecondLookOptions) {
    this.#options = options;
    this.#client = new KubeClient(options.transport, options.clock);
  }

  /** One object, by its name. */
  async at(subject: Subject, signal: AbortSignal): Promise<Look> {
    const ask = (until: AbortSignal): Promise<Look> => {
      switch (subject.kind) {
        case 'pod':
          return this.#atPod(subject, until);
        case 'service':
          return this.#atService(subject, until);
        case 'endpoint':
          return this.#atEndpoint(subject, until);
      }
    };
    const { clock } = this.#options;
    const look = await this.#unlessFailing(signal, () => withDeadline(clock, longestMs, signal, ask));
    return this.#told(subject, look);
  }

  /**
   * Many pods by one complete list. That so many are missing may be our rights: they are reviewed first, for a
   * list that rights have thinned looks like any other.
   */
  async atPods(subjects: readonly PodSubject[], signal: AbortSignal): Promise<(subject: PodSubject) => Look> {
    const wanted = new Map(subjects.map((each) => [keyOf(each), each]));
    const found = new Map<string, V1Pod>();
    const look = await this.#unlessFailing(signal, async (): Promise<Look> => {
      const { namespaces } = this.#options;
      for (const namespace of namespaces.length > 0 ? namespaces : [undefined]) {
        const refusal = await this.#refusal('pods', namespace, signal);
        if (refusal !== undefined) return { kind: 'forbidden', error: refusal };
        const list = { ...this.#options, resource: anyPod, namespace, signal };
        for await (const { items } of listParts<V1Pod>(list)) {
          for (const pod of items) {
            const key = keyOf({ namespace: pod.metadata?.namespace ?? '', name: pod.metadata?.name ?? '' });
            if (wanted.has(key)) found.set(key, pod);
          }
        }
      }
      return { kind: 'agrees' };
    });
    return (subject) =>
      look.kind === 'agrees' ? this.#told(subject, this.#lookOf(subject, found.get(keyOf(subject)))) : look;
  }

  #told(subject: Subject, look: Look): Look {
    if (look.kind === 'present') this.#options.onPresent?.(subject);
    return look;
  }

  async #atPod(subject: PodSubject, signal: AbortSignal): Promise<Look> {
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

  #lookOf(subject: PodSubject, pod: V1Pod | undefined): Look {
    if (pod?.metadata?.uid !== subject.uid) return { kind: 'agrees' };
    if (pod.metadata.deletionTimestamp) return { kind: 'explained', because: 'terminating' };
    const { phase } = pod.status ?? {};
    if (phase === 'Succeeded' || phase === 'Failed') return { kind: 'explained', because: 'finished' };
    const known = this.#options.view.pod(subject.namespace, subject.name);
    return isKnown(known, pod) ? { kind: 'agrees' } : { kind: 'present' };
  }

  async #atService(
    { namespace, name }: { namespace: string; name: string },
    signal: AbortSignal,
  ): Promise<Look> {
    const services: Resource = { name: 'services', kind: 'Service', groupPath: '/api/v1' };
    const service = await this.#named<V1Service>(services, namespace, name, signal);
    if (service === undefined) return { kind: 'agrees' };
    if (service.metadata?.deletionTimestamp) return { kind: 'explained', because: 'service-deleted' };
    return isKnown(this.#options.view.service(namespace, name), service)
      ? { kind: 'agrees' }
      : { kind: 'present' };
  }

  /** A slice that lists the backend, when the stores know none, or none that does. */
  async #atEndpoint(
    { namespace, service, podUid, address }: Extract<Subject, { kind: 'endpoint' }>,
    signal: AbortSignal,
  ): Promise<Look> {
    const labelSelector = `kubernetes.io/service-name=${service}`;
    const path = collectionUrl({ ...endpointSliceResource, labelSelector }, namespace, {});
    const slices = await this.#client.list<V1EndpointSlice>(path, { signal });
    const isListed = slices.some(({ endpoints }) =>
      endpoints?.some(({ addresses, targetRef }) =>
        podUid === '' ? addresses.includes(address) : targetRef?.uid === podUid,
      ),
    );
    return { kind: isListed ? 'present' : 'agrees' };
  }

  /** By a list of one, for which the rights of the reflectors are enough. */
  async #named<O extends KubernetesObject>(
    resource: Resource,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<O | undefined> {
    const path = collectionUrl({ ...resource, fieldSelector: `metadata.name=${name}` }, namespace, {});
    return (await this.#client.list<O>(path, { signal }))[0];
  }

  /** Why we may not list the resource; undefined when we may, or when that cannot be found out. */
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
      // Every authenticated user may ask unless somebody took that right away; the list itself then tells.
      const { code } = RegistrarError.from(thrown);
      if (code === 'forbidden' || code === 'not-found') return undefined;
      throw thrown;
    }
  }

  async #unlessFailing(signal: AbortSignal, look: () => Promise<Look>): Promise<Look> {
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

/** Whether the stores have this very version of it, so that they are right in what they make of it. */
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
