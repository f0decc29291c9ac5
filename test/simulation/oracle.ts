import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import type { ObjectStore } from '../../src/sandbox/kube/store.ts';
import { type Asked, type Asking, askings, serviceOf } from './asking.ts';
import { DefaultReading, type DefaultSync } from './default-sync.ts';
import { addressOf, nodeStatus, type Pod, podOf, statusOf } from './object-readings.ts';
import { chosen, entrancesOf, gatewayTable, type RouteKind, routeTables } from './route-oracle.ts';
import { tagsByRule } from './rules.ts';
import {
  type Behind,
  behindOf,
  endpointsOf,
  nodeAddressOf,
  placesOf,
  type RawEndpoint,
  reachOf,
  specOf,
} from './service-oracle.ts';
import {
  endpointBackend,
  type Group,
  groupKey,
  instanceKey,
  type KeptSource,
  podBackend,
  routeBackend,
  sourceKey,
  type Truth,
  type WantedInstance,
  type WantedNode,
  wholeBackend,
} from './truth.ts';

/**
 * Which instances have to be in Consul, from nothing but the objects in the API server's store. A second,
 * direct reading of the contract that shares no code with src/desired.
 */
/** `isSelected`: whether the operator is to see a pod at all. `sync`: what is registered without annotations. */
export function truthOf(
  store: ObjectStore,
  clusterName: string,
  isSelected: (pod: KubeObject) => boolean = () => true,
  sync?: DefaultSync,
): Truth {
  const reading = new DefaultReading(store, sync);
  const oracle = new Oracle(store, clusterName, reading);
  const found = [...store.table('pods').values()].filter(isSelected);
  const pods = found.map((pod) => podOf(pod, reading.pod(pod)));
  const slices = [...store.table('endpointslices.discovery.k8s.io').values()];
  const inFront = sync?.default === 'pods' ? oracle.inFront(slices) : new Map<string, Asking[]>();
  for (const pod of pods) oracle.addPod(pod, inFront.get(pod.uid));
  const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
  for (const slice of slices) oracle.addSlice(slice, byUid);
  const ofServices = Map.groupBy(slices, serviceKeyOf);
  for (const service of store.table('services').values()) {
    const { namespace, name } = service.metadata;
    const mine = ofServices.get(`${namespace}/${name}`) ?? [];
    oracle.addService(service, mine.flatMap(endpointsOf), byUid);
  }
  for (const [table, kind] of Object.entries(routeTables))
    for (const route of store.table(table).values()) oracle.addRoute(kind, route);
  return oracle;
}

interface Backend {
  readonly key: string;
  readonly kubeNode: string;
  readonly address: string;
  readonly hostIp: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly serves: boolean;
}

class Oracle implements Truth {
  readonly instances = new Map<string, WantedInstance>();
  readonly nodes = new Map<string, WantedNode>();
  readonly kept = new Map<string, KeptSource>();
  readonly groups = new Map<string, Group>();
  readonly pods = new Map<string, boolean>();
  readonly notReady = new Set<string>();
  readonly nodeCount: number;
  readonly #store: ObjectStore;
  readonly #clusterName: string;
  readonly #reading: DefaultReading;

  constructor(store: ObjectStore, clusterName: string, reading: DefaultReading) {
    this.#store = store;
    this.#clusterName = clusterName;
    this.#reading = reading;
    this.nodeCount = store.table('nodes').size;
    for (const node of store.table('nodes').values())
      if (nodeStatus(node) === 'critical') this.notReady.add(this.#nameOf(node.metadata.name));
  }

  /** By uid of a pod: what Services in front of it ask for. */
  inFront(slices: readonly KubeObject[]): Map<string, Asking[]> {
    const found = new Map<string, Asking[]>();
    for (const slice of slices) {
      const service = this.#serviceOf(slice);
      if (service === undefined) continue;
      const asked = this.#askingsOf(service).filter((asking) => isOfEndpoints(asking, service));
      for (const { targetRef } of endpointsOf(slice)) {
        const uid = targetRef?.uid ?? '';
        found.set(uid, [...(found.get(uid) ?? []), ...asked]);
      }
    }
    return found;
  }

  /** `inFront`: what annotated Services in front of it ask for. */
  addPod(pod: Pod, inFront: readonly Asking[] = []): void {
    this.pods.set(podBackend(pod.uid), pod.ready && !pod.deleting && !pod.finished);
    if (pod.node === '' || pod.finished || pod.ip === undefined) return;
    const { uid, node: kubeNode, ip: address, hostIp, labels, ready, deleting: terminating } = pod;
    const serves = pod.containersReady && !terminating;
    const backend = { key: podBackend(uid), kubeNode, address, hostIp, labels, ready, terminating, serves };
    const { byDefault, isUnknown } = pod.asks;
    for (const asking of pod.askings) {
      // Who writes an annotation means it, and with a mistake nothing else.
      if (byDefault && inFront.some((other) => serviceOf(other) === serviceOf(asking))) continue;
      if (isUnknown) this.#keep(sourceKey(uid, '', ''), backend);
      else if ('broken' in asking) this.#keep(sourceKey(uid, '', asking.broken), backend);
      else this.#put(backend, asking.asked, { byDefault, kubeService: '' });
    }
  }

  addSlice(slice: KubeObject, pods: ReadonlyMap<string, Pod>): void {
    const namespace = slice.metadata.namespace ?? '';
    const name = slice.metadata.labels?.['kubernetes.io/service-name'] ?? '';
    const service = this.#serviceOf(slice);
    if (service === undefined) return;
    const { byDefault, isUnknown } = this.#reading.service(service);
    for (const asking of this.#askingsOf(service)) {
      if (!isOfEndpoints(asking, service)) continue;
      for (const endpoint of endpointsOf(slice)) {
        const uid = endpoint.targetRef?.uid;
        const pod = uid === undefined ? undefined : pods.get(uid);
        const backend = backendOf(endpoint, pod, { namespace, name });
        if (backend === undefined || pod?.asks.annotations['service'] === 'false') continue;
        // What the pod's own annotations speak of is theirs.
        const own = pod === undefined || pod.asks.byDefault ? [] : pod.askings;
        if (own.some((each) => serviceOf(each) === serviceOf(asking))) continue;
        if (isUnknown) this.#keep(sourceKey(uid ?? '', name, ''), backend);
        else if ('broken' in asking) this.#keep(sourceKey(uid ?? '', name, asking.broken), backend);
        else this.#put(backend, asking.asked, { byDefault, kubeService: `${namespace}/${name}` });
      }
    }
  }

  /** The Service of a slice, unless it ends. */
  #serviceOf({ metadata }: KubeObject): KubeObject | undefined {
    const name = metadata.labels?.['kubernetes.io/service-name'] ?? '';
    const service = this.#store.get('services', metadata.namespace ?? '', name);
    return service?.metadata.deletionTimestamp === undefined ? service : undefined;
  }

  #askingsOf(service: KubeObject): readonly Asking[] {
    const { namespace = '', name } = service.metadata;
    const { annotations, defaults } = this.#reading.service(service);
    return askings(annotations, { namespace, kubeService: name }, defaults);
  }

  /** What the Service is reached by as a whole, and what its owner asks for at all. */
  addService(service: KubeObject, endpoints: readonly RawEndpoint[], pods: ReadonlyMap<string, Pod>): void {
    const { namespace, name, deletionTimestamp } = service.metadata;
    if (deletionTimestamp !== undefined) return;
    const { type, selector = {} } = specOf(service);
    const listed = endpoints.filter(({ addresses = [] }) => addresses.length > 0);
    const isUnknown = type === 'ExternalName' || (Object.keys(selector).length === 0 && listed.length === 0);
    const behind = isUnknown ? { isReady: true, serves: true } : behindOf(listed, pods);
    const { isUnknown: isOfUnknown } = this.#reading.service(service);
    for (const asking of this.#askingsOf(service)) {
      const key = groupKey(`${namespace}/${name}`, serviceOf(asking));
      const before = this.groups.get(key) ?? fresh;
      const group = { ...before, reaches: new Set(before.reaches), stuckOn: new Set(before.stuckOn) };
      group.isWell = behind.isReady;
      this.groups.set(key, group);
      const address = 'asked' in asking ? asking.asked.address : asking.address;
      if (address !== undefined) group.reaches.add(reachOf(address, specOf(service)));
      if ('broken' in asking || isOfUnknown) {
        group.isStuck = true;
        continue;
      }
      const { asked } = asking;
      const reach = reachOf(asked.address, specOf(service));
      if (reach === 'endpoints') continue;
      const port = specOf(service).ports?.find((each) => each.name === asked.portRef);
      if (port === undefined) group.isStuck = true;
      else if (reach === 'node-port') this.#addNodePort(service, { asked, port, listed, pods, group });
      else {
        const places = placesOf(reach, asked, service);
        if (places === 'stuck') group.isStuck = true;
        else if (places === 'pending') group.isPending = true;
        else
          for (const place of places)
            this.#putWhole(service, asked, { reach, node: '', address: place, port: port.port, behind });
      }
    }
  }

  /** An Ingress, or a route of the Gateway API; only the worlds that watch them have any. */
  addRoute(kind: RouteKind, object: KubeObject): void {
    const { namespace = '', name, labels = {}, deletionTimestamp } = object.metadata;
    const route = `${kind}/${name}`;
    const { annotations, defaults, isUnknown } = this.#reading.route(object);
    const gatewayOf = (gateway: string) => this.#store.get(gatewayTable, namespace, gateway);
    const entrances = entrancesOf(kind, object, gatewayOf);
    const terminating = deletionTimestamp !== undefined;
    for (const asking of askings(
      annotations,
      { namespace, kubeService: name, ports: routePorts },
      defaults,
    )) {
      const served = 'asked' in asking && !isUnknown ? chosen(asking.asked.portRef, entrances) : undefined;
      // With a mistake it stays as it is, as long as it is reached by anything at all.
      const isStuck = served === undefined && entrances.length > 0;
      this.groups.set(groupKey(`${namespace}/${route}`, serviceOf(asking)), {
        ...fresh,
        reaches: ofRoutes,
        isStuck,
      });
      if (!('asked' in asking)) continue;
      const { asked } = asking;
      for (const { address, port, hosts, gateway, status } of served ?? []) {
        if (terminating && asked.drain === 'deregister') continue;
        const key = instanceKey(routeBackend(namespace, route, address), asked.service, port);
        const consulNode = this.#nameOf('');
        this.instances.set(key, {
          ...{ key, consulNode, service: asked.service, address, port, weight: asked.weight },
          tags: tagsByRule(asked.tags, labels),
          app: labels['app'],
          check: statusOf(asked, status === 'passing', terminating),
          ...{ serves: true, reach: '', kubeService: '', team: asked.team, byDefault: false },
          route: { hosts: hosts.join(','), gateway },
        });
        if (!this.nodes.has(consulNode)) this.nodes.set(consulNode, this.#nodeOf('', undefined));
      }
    }
  }

  #addNodePort(service: KubeObject, { asked, port, listed, pods, group }: NodePort): void {
    if (port.nodePort === undefined) {
      group.isStuck = true;
      return;
    }
    // Nothing but endpoints is behind a port of a node.
    const behind = behindOf(listed, pods);
    const isEverywhere = asked.nodePort === 'nodes' && specOf(service).externalTrafficPolicy !== 'Local';
    const here = Map.groupBy(listed, ({ nodeName = '' }) => nodeName);
    here.delete('');
    const everyNode = [...this.#store.table('nodes').values()].map(({ metadata }) => metadata.name);
    for (const node of isEverywhere ? everyNode : here.keys()) {
      const object = this.#store.get('nodes', undefined, node);
      const address = nodeAddressOf(asked.nodeAddress, object);
      if (address === undefined) group.stuckOn.add(this.#nameOf(node));
      else {
        const there = isEverywhere ? behind : behindOf(here.get(node) ?? [], pods);
        const at = { reach: 'node-port', node, address, port: port.nodePort, behind: there };
        this.#putWhole(service, asked, at);
      }
    }
  }

  #putWhole({ metadata }: KubeObject, asked: Asked, { reach, node, address, port, behind }: Whole): void {
    const { namespace = '', name, labels = {} } = metadata;
    const key = instanceKey(wholeBackend(namespace, name, node, address), asked.service, port);
    const consulNode = this.#nameOf(node);
    this.instances.set(key, {
      key,
      consulNode,
      service: asked.service,
      address,
      port,
      tags: tagsByRule(asked.tags, labels),
      app: labels['app'],
      weight: asked.weight,
      check: asked.check === 'none' ? undefined : behind.isReady ? 'passing' : 'critical',
      serves: behind.serves,
      reach,
      kubeService: `${namespace}/${name}`,
      team: asked.team,
      byDefault: false,
    });
    if (!this.nodes.has(consulNode)) this.nodes.set(consulNode, this.#nodeOf(node, undefined));
  }

  #keep(source: string, { kubeNode, ready, terminating, serves }: Backend): void {
    const consulNode = this.#nameOf(kubeNode);
    this.kept.set(source, { consulNode, ready: ready && !terminating, serves });
  }

  #put(backend: Backend, asked: Asked, from: { byDefault: boolean; kubeService: string }): void {
    const { kubeNode, ready, terminating, serves } = backend;
    const { service, port, tags, weight } = asked;
    if (terminating && asked.drain === 'deregister') return;
    const kubeNodeObject = this.#store.get('nodes', undefined, kubeNode);
    const address =
      asked.address === 'host' ? (backend.hostIp ?? addressOf(kubeNodeObject)) : backend.address;
    const key = instanceKey(backend.key, service, port);
    if (address === undefined || this.instances.has(key)) return;
    const consulNode = this.#nameOf(kubeNode);
    this.instances.set(key, {
      key,
      consulNode,
      service,
      address,
      port,
      tags: tagsByRule(tags, backend.labels),
      app: backend.labels['app'],
      weight,
      check: statusOf(asked, ready, terminating),
      serves,
      reach: '',
      team: asked.team,
      ...from,
    });
    this.nodes.set(consulNode, this.#nodeOf(kubeNode, backend.hostIp));
  }

  #nodeOf(kubeNode: string, hostIp: string | undefined): WantedNode {
    const object = this.#store.get('nodes', undefined, kubeNode);
    return { address: addressOf(object) ?? hostIp ?? '127.0.0.1', check: nodeStatus(object) };
  }

  #nameOf(kubeNode: string): string {
    return `${this.#clusterName}-${kubeNode === '' ? 'endpoints' : kubeNode}`;
  }
}

interface Whole {
  readonly reach: string;
  /** Kubernetes node; empty when the address belongs to none. */
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly behind: Behind;
}

interface NodePort {
  readonly asked: Asked;
  readonly port: { readonly nodePort?: number };
  readonly listed: readonly RawEndpoint[];
  readonly pods: ReadonlyMap<string, Pod>;
  readonly group: { isStuck: boolean; readonly stuckOn: Set<string> };
}

const ofRoutes: ReadonlySet<string> = new Set(['endpoints']);
/** A route need not say by which port it is reached. */
const routePorts = { '': 1, http: 80, https: 443, plain: 80, secure: 443, pass: 8_443 };

const fresh: Group = {
  reaches: new Set(),
  isStuck: false,
  stuckOn: new Set(),
  isPending: false,
  isWell: false,
};

/** Whether it asks for instances at the endpoints of the Service, or for what cannot be read. */
function isOfEndpoints(asking: Asking, service: KubeObject): boolean {
  const address = 'asked' in asking ? asking.asked.address : asking.address;
  return address === undefined || reachOf(address, specOf(service)) === 'endpoints';
}

const serviceKeyOf = ({ metadata: { namespace, labels } }: KubeObject): string =>
  `${namespace}/${labels?.['kubernetes.io/service-name']}`;

/** Undefined when there is nothing behind it. */
function backendOf(
  { addresses: [address] = [], conditions = {}, nodeName: kubeNode = '', targetRef }: RawEndpoint,
  pod: Pod | undefined,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Backend | undefined {
  if (address === undefined || pod?.finished) return undefined;
  const { ready: isReady = true, serving = isReady, terminating: isTerminating = false } = conditions;
  const terminating = pod?.deleting === true || isTerminating;
  // Some Services publish what is not ready as if it were.
  const ready = serving && (isReady || terminating);
  return {
    key: targetRef === undefined ? endpointBackend(namespace, name, address) : podBackend(targetRef.uid),
    kubeNode,
    address,
    hostIp: pod?.hostIp,
    labels: pod?.labels ?? {},
    ready,
    terminating,
    serves: (pod?.containersReady ?? ready) && !terminating,
  };
}
