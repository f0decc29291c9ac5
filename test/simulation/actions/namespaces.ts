import { type KubeObject, withMeta } from '../../../src/sandbox/kube/object.ts';
import { prefixed } from '../asking.ts';
import type { Cluster, KubeFault, ServiceDraft } from '../cluster.ts';
import type { DefaultSync } from '../default-sync.ts';
import { type Action, at, type Step } from '../script.ts';
import type { World } from '../world.ts';
import { endGracefully, live } from './workload.ts';

/** Namespaces beside `default`, whose objects ask for nothing by themselves, for the most part. */
const tenants = ['shop', 'dev', 'team-a', 'kube-system'];
/** Most pods in them together. */
const mostPods = 8;

type Texts = Readonly<Record<string, string>>;

const labels: readonly Texts[] = [
  { consul: 'yes' },
  { consul: 'yes' },
  { consul: 'yes', team: 'a' },
  { consul: 'no' },
  {},
];
const defaults: readonly Texts[] = [
  { tags: 'of-namespace', weight: '3' },
  { 'meta.team': 'blue', weight: '3', tags: 'of-namespace' },
  { drain: 'warning', tags: 'b,a' },
  { drain: 'deregister', 'meta.team': 'green' },
  {},
  // Wrong, or for no configuration: reported, and not used.
  { drain: 'slowly', weight: 'much', 'meta.team': 'red' },
  { service: 'all', maintenance: 'x', tags: 'a' },
];

const namespaceOf = ({ kube }: Cluster, name: string): KubeObject | undefined =>
  kube.store.get('namespaces', undefined, name);

/** Those that are there and do not end. */
const present = (cluster: Cluster, names: readonly string[]) =>
  names
    .flatMap((name) => namespaceOf(cluster, name) ?? [])
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined);

const put = (cluster: Cluster, name: string, part: { labels?: Texts; annotations?: Texts }): void => {
  cluster.withdrawAll(name);
  cluster.kube.addNamespace(name);
  cluster.kube.store.apply(withMeta(namespaceOf(cluster, name)!, part) as KubeObject & typeof kind);
};
const kind = { apiVersion: 'v1', kind: 'Namespace' };

/** It comes, or has these labels from now on. */
const namespacePut: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const name = at([...tenants, 'default'], x)!;
  if (namespaceOf(cluster, name)?.metadata.deletionTimestamp !== undefined) return undefined;
  put(cluster, name, { labels: at(labels, y)! });
  return `${name} ${JSON.stringify(at(labels, y))}`;
};

/** A namespace with an application in it: pods, and a Service in front of them, that ask for nothing. */
const tenantApp: Action = (world, step) => app(world, step, at(['shop', 'dev', 'team-a'], step.x)!, 2);

/** One that is a good part of all that is registered. */
const tenantCrowd: Action = (world, step) => app(world, step, 'shop', 14);

function app(world: World, step: Step, name: string, count: number): string | undefined {
  const cluster = world.clusters[step.cluster]!;
  const nodes = cluster.nodes();
  if (namespaceOf(cluster, name) !== undefined || nodes.length === 0) return undefined;
  put(cluster, name, { labels: step.y < 0.8 ? { consul: 'yes' } : {} });
  cluster.putService('cart', {}, { namespace: name });
  for (let index = 0; index < count; index += 1) {
    const { app, ...draft } = silent[0];
    const pod = cluster.putPod({
      ...draft,
      app,
      namespace: name,
      name: cluster.freshName(app),
      node: nodes[index % nodes.length]!.metadata.name,
      annotations: {},
      ready: false,
      ip: cluster.address(false),
    });
    world.after(step.y * 3_000, () => cluster.setReady(pod, true));
  }
  cluster.syncSlices();
  return `${name}, ${count} pods`;
}

/** Nearly all that is in the other scenarios is in this namespace. */
const namespaceDefaultIn: Action = (world, { cluster: index }) => {
  put(world.clusters[index]!, 'default', { labels: { consul: 'yes' } });
  return 'default';
};

const namespaceAnnotate: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const name = at(present(cluster, [...tenants, 'default', 'default']), x)?.metadata.name;
  if (name === undefined) return undefined;
  put(cluster, name, { annotations: prefixed(at(defaults, y)!) });
  return `${name} ${JSON.stringify(at(defaults, y))}`;
};

/** `kubectl delete namespace`: it goes when all in it has gone. */
const namespaceEnd: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const found = at(present(cluster, ['shop', 'dev', 'team-a']), x);
  if (found === undefined) return undefined;
  const { name, uid } = found.metadata;
  const { store } = cluster.kube;
  store.apply(withMeta(found, { deletionTimestamp: store.time() }) as KubeObject & typeof kind);
  for (const { metadata } of cluster.services(name)) cluster.removeService(metadata.name, name);
  const ms = 500 + y * 4_000;
  for (const pod of live(cluster))
    if (pod.metadata.namespace === name) endGracefully(world, cluster, pod, ms);
  world.after(ms + 1, () => {
    const isEmpty = store.list('pods', name).length === 0 && cluster.services(name).length === 0;
    if (isEmpty && namespaceOf(cluster, name)?.metadata.uid === uid)
      store.delete('namespaces', undefined, name);
  });
  return name;
};

interface Silent {
  readonly app: string;
  readonly labels?: Texts;
  readonly owner?: { readonly kind: string; readonly name: string };
}

const silent: readonly [Silent, ...Silent[]] = [
  {
    app: 'cart',
    labels: { 'pod-template-hash': 'abc' },
    owner: { kind: 'ReplicaSet', name: 'cart-abc' },
  },
  { app: 'front', labels: { 'app.kubernetes.io/name': 'front' }, owner: { kind: 'StatefulSet', name: 'f' } },
  { app: 'mail' },
  { app: 'mail', labels: { tier: 'test' } },
  { app: 'batch', owner: { kind: 'Job', name: 'batch' } },
  { app: 'static', owner: { kind: 'Node', name: 'n1' } },
];
const podAsks: readonly Texts[] = [
  {},
  {},
  {},
  { tags: 'own' },
  { port: 'admin' },
  { service: 'false' },
  { service: 'web', port: 'http' },
  // The name that the Service in front of it has, with a mistake.
  { service: 'k8s-cart-shop', port: 'htp' },
  { service: 'k8s-cart-shop', port: 'http' },
];

/** A pod of a namespace, most of them without annotations. */
const tenantPod: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const namespace = at(present(cluster, tenants), x)?.metadata.name;
  const node = at(cluster.nodes(), y);
  const count = cluster.pods().filter(({ metadata }) => metadata.namespace !== 'default').length;
  if (namespace === undefined || node === undefined || count >= mostPods) return undefined;
  const { app, ...draft } = at(silent, y)!;
  const annotations = at(podAsks, (x * 37) % 1)!;
  const pod = cluster.putPod({
    ...draft,
    app,
    namespace,
    name: cluster.freshName(app),
    node: node.metadata.name,
    annotations,
    ready: false,
    ip: cluster.address(y < 0.5),
  });
  cluster.syncSlices();
  world.after(x * 3_000, () => cluster.setReady(pod, true));
  return `${namespace}/${pod.metadata.name} ${JSON.stringify(annotations)}`;
};

const serviceNames = ['cart', 'front', 'mail'];
const serviceParts: readonly ServiceDraft[] = [
  {},
  {},
  { spec: { clusterIP: 'None' } },
  { spec: { type: 'NodePort' } },
  { spec: { type: 'LoadBalancer' } },
  { labels: { tier: 'test' } },
  {
    spec: {
      ports: [
        { name: 'admin', port: 9090 },
        { name: 'http', port: 8080 },
      ],
    },
  }, // prettier-ignore
  { spec: { ports: [] } },
  { spec: { type: 'ExternalName', externalName: 'a.example' } },
];
const serviceAsks: readonly Texts[] = [
  {},
  {},
  {},
  { tags: 'own' },
  { port: 'admin' },
  { service: 'false' },
  { service: 'true', port: 'http', tags: 'of-service' },
  { service: 'true', port: 'none' },
];

const tenantService: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const namespace = at(present(cluster, tenants), x)?.metadata.name;
  if (namespace === undefined) return undefined;
  const name = at(serviceNames, (y * 37) % 1)!;
  const draft = at(serviceParts, y)!;
  const { ports, type } = (draft.spec ?? {}) as { ports?: readonly unknown[]; type?: string };
  // What else these two would be registered by is not the oracle's business here.
  const asks = ports?.length === 0 || type === 'ExternalName' ? {} : at(serviceAsks, (x * 37) % 1)!;
  cluster.putService(name, asks, { ...draft, namespace });
  return `${namespace}/${name} ${JSON.stringify(asks)} ${JSON.stringify(draft)}`;
};

const tenantServiceRemove: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const namespace = at(present(cluster, tenants), y)?.metadata.name ?? '';
  const name = at(cluster.services(namespace), x)?.metadata.name;
  if (name === undefined) return undefined;
  cluster.removeService(name, namespace);
  return `${namespace}/${name}`;
};

const optings: readonly Texts[] = [
  { service: 'false' },
  { service: 'false' },
  {},
  {},
  { tags: 'own' },
  { service: 'k8s-cart-shop', port: 'htp' },
];

/** An object says that it does not want to be registered, or that it does after all. */
const opt: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const services = cluster.kube.store.list('services');
  const object = at([...live(cluster), ...services], x);
  if (object === undefined) return undefined;
  const annotations = at(optings, y)!;
  change(cluster, object, { annotations: prefixed(annotations) });
  return `${object.metadata.namespace}/${object.metadata.name} ${JSON.stringify(annotations)}`;
};

/** The configuration's labelSelector takes it no more, or does again. */
const relabel: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const object = at([...live(cluster), ...cluster.kube.store.list('services')], x);
  if (object === undefined) return undefined;
  const { tier: _, ...others } = object.metadata.labels ?? {};
  change(cluster, object, { labels: y < 0.5 ? { ...others, tier: 'test' } : others });
  return `${object.metadata.namespace}/${object.metadata.name} ${y < 0.5 ? 'tier=test' : ''}`;
};

function change(cluster: Cluster, object: KubeObject, part: { labels?: Texts; annotations?: Texts }): void {
  if (object['kind'] === 'Pod') cluster.changePod(object, (now) => withMeta(now, part));
  else cluster.kube.store.apply(withMeta(object, part) as KubeObject & typeof kind);
}

const isOfNamespaces = (path: string): boolean => path.startsWith('/api/v1/namespaces?');
const refused: KubeFault = ({ path }) =>
  isOfNamespaces(path)
    ? {
        kind: 'answer',
        status: 403,
        body: { kind: 'Status', code: 403, reason: 'Forbidden', message: 'forbidden' },
      }
    : undefined;

/** The right to read Namespaces is taken away; for half of them by the start of a new process. */
const namespacesForbidden: Action = (world, { cluster: index, y, forMs }) => {
  const cluster = world.clusters[index]!;
  cluster.faults.add(refused);
  cluster.kube.faults.cutWatches('end', { storage: 'namespaces' });
  world.outOfOrder(forMs, 'Namespaces may be read', () => void cluster.faults.delete(refused));
  const running = world.running(cluster);
  if (y >= 0.5 || running === undefined) return `for ${forMs} ms`;
  world.crash(running, 10);
  return `for ${forMs} ms, and ${running.name} killed`;
};

/** As kube-shrunk, of Namespaces: what is in those that are missing stays. */
const namespacesShort: Action = (world, { cluster: index, y, forMs }) => {
  const cluster = world.clusters[index]!;
  const lie: KubeFault = ({ path }) => {
    if (!isOfNamespaces(path) || !path.includes('limit=500')) return undefined;
    cluster.faults.delete(lie);
    cluster.wasLiedTo = true;
    world.trace.add(`c${index} a list of Namespaces came short`);
    const all = cluster.kube.store.list('namespaces');
    const items = all.filter((_, position) => y >= 0.5 && position % 2 === 0);
    const metadata = { resourceVersion: String(cluster.kube.store.revision) };
    return {
      kind: 'answer',
      status: 200,
      body: { kind: 'NamespaceList', apiVersion: 'v1', metadata, items },
    };
  };
  const { faults } = cluster.kube;
  faults.watchList = false;
  cluster.faults.add(lie);
  world.outOfOrder(forMs, 'short list of Namespaces', () => {
    faults.watchList = world.traits.watchList;
    cluster.faults.delete(lie);
  });
  cluster.forceRelist();
  return `${y >= 0.5 ? 'half' : 'none'} of the Namespaces`;
};

const syncMistakes: readonly ((right: DefaultSync) => DefaultSync)[] = [
  (right) => ({ ...right, namespaces: { ...right.namespaces, selector: 'consul=yse' } }),
  (right) => ({ ...right, namespaces: { ...right.namespaces, include: ['shopp', 'defualt'] } }),
  (right) => ({ ...right, labelSelector: 'tier=prod' }),
  ({ default: _, ...right }) => right,
];

/** Somebody makes a mistake in the configuration, and corrects it after a while; the operator is restarted with both. */
const syncMistaken: Action = (world, { cluster: index, y, forMs }) => {
  const cluster = world.clusters[index]!;
  if (cluster.sync === undefined || cluster.mistaken !== undefined || cluster.spared.size > 0)
    return undefined;
  const restartAll = () => {
    for (const process of world.alive(cluster)) {
      process.kill();
      world.start(cluster);
    }
  };
  cluster.mistaken = at(syncMistakes, y)!(cluster.sync);
  restartAll();
  world.outOfOrder(forMs, 'mistake in the configuration', () => {
    cluster.mistaken = undefined;
    restartAll();
  });
  return `${JSON.stringify(cluster.mistaken)} for ${forMs} ms`;
};

export const namespaces = {
  'namespace-put': namespacePut,
  'namespace-default-in': namespaceDefaultIn,
  'namespace-annotate': namespaceAnnotate,
  'namespace-end': namespaceEnd,
  'namespaces-forbidden': namespacesForbidden,
  'namespaces-short': namespacesShort,
  'tenant-app': tenantApp,
  'tenant-crowd': tenantCrowd,
  'sync-mistaken': syncMistaken,
  'tenant-pod': tenantPod,
  'tenant-service': tenantService,
  'tenant-service-remove': tenantServiceRemove,
  opt,
  relabel,
} satisfies Record<string, Action>;
