import type { Clock } from '../../../lib/clock.ts';
import type { KubeApi } from '../kube-api.ts';
import type { KubeObject } from '../object.ts';
import { sameJson } from '../object.ts';
import { keyOf, resourceNamed } from '../resources.ts';
import { Loop } from './loop.ts';
import { ObjectIndex } from './object-index.ts';
import { isDeleting, ownedBy, type Pod, type Service } from './shapes.ts';
import { distribute, type Endpoint, type EndpointGroup, endpointGroups, type SlicePort } from './slices.ts';

const latencyMs = 20;
const slices = resourceNamed('endpointslices.discovery.k8s.io');
const serviceName = 'kubernetes.io/service-name';
const managedBy = 'endpointslice.kubernetes.io/managed-by';
const manager = 'endpointslice-controller.k8s.io';

interface Slice extends KubeObject {
  readonly ports: readonly SlicePort[] | null;
  readonly endpoints: readonly Endpoint[] | null;
}

/** Writes the EndpointSlices (IPv4) of Services that select pods. */
export class EndpointSlices implements Disposable {
  readonly #api: KubeApi;
  readonly #loop: Loop;
  readonly #pods: ObjectIndex<Pod>;
  readonly #services: ObjectIndex<Service>;
  readonly #slices: ObjectIndex<Slice>;
  readonly #subscription: Disposable;

  constructor(api: KubeApi, clock: Clock) {
    this.#api = api;
    this.#pods = new ObjectIndex<Pod>(api.store, 'pods', labelTerms);
    this.#services = new ObjectIndex<Service>(api.store, 'services', (service) => firstTerm(service));
    this.#slices = new ObjectIndex<Slice>(api.store, slices.storage, ({ metadata }) =>
      metadata.labels?.[managedBy] === manager
        ? [keyOf(metadata.namespace, metadata.labels[serviceName] ?? '')]
        : [],
    );
    this.#loop = new Loop(clock, latencyMs, (key) => this.#reconcile(key));
    this.#subscription = api.store.subscribe(({ storage, key, object, previous }) => {
      if (storage === 'services') this.#loop.mark(key);
      if (storage === 'pods') for (const pod of [object, previous]) this.#markServicesOf(pod);
      if (storage === slices.storage) {
        const { namespace, labels } = (object ?? previous)!.metadata;
        if (labels?.[managedBy] === manager) this.#loop.mark(keyOf(namespace, labels[serviceName] ?? ''));
      }
    });
  }

  resync(): void {
    for (const key of this.#api.store.table('services').keys()) this.#loop.mark(key);
  }

  [Symbol.dispose](): void {
    for (const index of [this.#pods, this.#services, this.#slices]) index[Symbol.dispose]();
    this.#subscription[Symbol.dispose]();
    this.#loop[Symbol.dispose]();
  }

  #markServicesOf(pod: KubeObject | undefined): void {
    if (pod === undefined) return;
    for (const service of labelTerms(pod).flatMap((term) => this.#services.of(term))) {
      const { namespace, name } = service.metadata;
      if (selects(service, pod)) this.#loop.mark(keyOf(namespace, name));
    }
  }

  #reconcile(key: string): void {
    const service = this.#api.store.table('services').get(key) as Service | undefined;
    if (service === undefined || service.spec.selector === undefined || isDeleting(service)) return;
    const { namespace } = service.metadata;
    const candidates = firstTerm(service).flatMap((term) => this.#pods.of(term));
    const pods = candidates.filter((pod) => selects(service, pod));
    const groups = endpointGroups(service, pods, (node) => this.#zoneOf(node));
    let existing = this.#slices.of(key);
    // A Service without endpoints keeps one empty slice.
    for (const group of groups.length === 0 ? [{ ports: [], endpoints: [] }] : groups) {
      const own = existing.filter((slice) => sameJson(slice.ports ?? [], group.ports));
      existing = existing.filter((slice) => !own.includes(slice));
      this.#write(service, group, own);
    }
    for (const { metadata } of existing) this.#api.registry.delete(slices, namespace ?? '', metadata.name);
  }

  #write(service: Service, { ports, endpoints }: EndpointGroup, own: readonly Slice[]): void {
    const namespace = service.metadata.namespace ?? '';
    const uids = own.map((slice) => (slice.endpoints ?? []).map(({ targetRef }) => targetRef.uid));
    const wanted = distribute(uids, endpoints);
    if (wanted.length === 0) wanted.push([]);
    for (const [index, content] of wanted.entries()) {
      const slice = own[index];
      if (slice === undefined) this.#create(service, ports, content);
      else if (content.length === 0 && wanted.length > 1) {
        this.#api.registry.delete(slices, namespace, slice.metadata.name);
      } else {
        const target = { resource: slices, namespace, name: slice.metadata.name, subresource: '' } as const;
        this.#api.registry.update(target, { ...slice, endpoints: content });
      }
    }
  }

  #create(service: Service, ports: readonly SlicePort[], endpoints: readonly Endpoint[]): void {
    const { namespace = '', name, labels } = service.metadata;
    const headless = service.spec.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
    this.#api.registry.create(slices, namespace, {
      metadata: {
        generateName: `${name}-`,
        labels: { ...labels, ...headless, [serviceName]: name, [managedBy]: manager },
        ownerReferences: [ownedBy(service)],
      },
      addressType: 'IPv4',
      ports,
      endpoints,
    });
  }

  #zoneOf(node: string): string {
    const found = this.#api.store.get('nodes', undefined, node);
    return found?.metadata.labels?.['topology.kubernetes.io/zone'] ?? '';
  }
}

function selects({ metadata, spec }: Service, pod: KubeObject): boolean {
  const wanted = Object.entries(spec.selector ?? {});
  return (
    wanted.length > 0 &&
    metadata.namespace === pod.metadata.namespace &&
    wanted.every(([label, value]) => pod.metadata.labels?.[label] === value)
  );
}

/** A pod is found by each of its labels, a Service by the first label it selects by. */
function labelTerms({ metadata }: KubeObject): string[] {
  return Object.entries(metadata.labels ?? {}).map(
    ([label, value]) => `${metadata.namespace}/${label}=${value}`,
  );
}

function firstTerm({ metadata, spec }: Service): string[] {
  return Object.entries(spec.selector ?? {})
    .slice(0, 1)
    .map(([label, value]) => `${metadata.namespace}/${label}=${value}`);
}
