import { type KubeObject, withMeta } from '../../../src/sandbox/kube/object.ts';
import { condition } from '../../support/route-objects.ts';
import { catalogOf } from '../catalog.ts';
import type { Cluster, KubeFault } from '../cluster.ts';
import { gatewayTable, routeTables } from '../route-oracle.ts';
import { type Action, at } from '../script.ts';

type Hosts = readonly string[];
type Draft = Parameters<Cluster['kube']['store']['apply']>[0] & {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
};

const kinds = ['Ingress', 'Ingress', 'HTTPRoute', 'HTTPRoute', 'GRPCRoute', 'TLSRoute'] as const;
type Kind = (typeof kinds)[number];
const tables: readonly string[] = Object.keys(routeTables);
const tableOf = (kind: string): string =>
  tables.find((table) => routeTables[table as keyof typeof routeTables] === kind) ?? gatewayTable;

/** Numbers in names: addresses are made of them. Those of the second cluster are others. */
const numbers = [
  [1, 2, 3],
  [4, 5, 6],
] as const;
const gateways = ['outer', 'inner'] as const;

const hostLists: readonly Hosts[] = [
  ['a.example.com'],
  ['a.example.com', 'b.example.com'],
  ['c.example.org'],
  [],
];
const tlsLists: readonly (Hosts | undefined)[] = [undefined, ['a.example.com'], ['*.example.com'], []];
const annotationLists: readonly Readonly<Record<string, string>>[] = [
  {},
  {},
  { port: 'https' },
  { port: 'http' },
  { port: 'secure' },
  { port: '80' },
  { drain: 'warning', tags: 'edge' },
  { port: 'none' },
  { weight: '0' },
];

const allRoutes = (cluster: Cluster): KubeObject[] =>
  tables.flatMap((table) => [...cluster.kube.store.list(table, 'default')]);

const asking = (name: string, fields: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries({ service: name, ...fields }).map(([key, value]) => [`kube-registrar.io/${key}`, value]),
  );

/** Its owner, or its controller, changes it: what is registered of it need not stay any more. */
function withdraw(cluster: Cluster, { kind, metadata }: Draft): void {
  const of = kind === 'Gateway' ? 'route ' : `route default/${kind}/${metadata.name} `;
  for (const key of cluster.spared.keys()) if (key.startsWith(of)) cluster.spared.delete(key);
}

/** Of clusters without the Gateway API: what comes as soon as it is installed. */
const awaited = new WeakMap<Cluster, Map<string, Draft>>();

function put(cluster: Cluster, object: Draft): void {
  const waiting = object.kind === 'Ingress' ? undefined : awaited.get(cluster);
  if (waiting !== undefined) {
    waiting.set(`${object.kind}/${object.metadata.name}`, object);
    return;
  }
  withdraw(cluster, object);
  cluster.kube.store.apply(object);
}

const addresses = (number: number, y: number): Hosts =>
  at(
    [
      [`203.0.113.${200 + number}`],
      [`203.0.113.${200 + number}`, `edge-${number}.example.net`],
      [`203.0.113.${210 + number}`],
      [],
      ['127.0.0.1'],
    ],
    y,
  )!;

const ingressStatus = (list: Hosts) => ({
  loadBalancer: {
    ingress: list.map((each) => (/^[\d.]+$/.test(each) ? { ip: each } : { hostname: each })),
  },
});

function routeSpec(kind: Kind, x: number, y: number): object {
  const hosts = at(hostLists, (x * 11) % 1)!;
  if (kind === 'Ingress') {
    const tls = at(tlsLists, (y * 13) % 1);
    return {
      rules: hosts.length === 0 ? [{}] : hosts.map((host) => ({ host })),
      ...(tls === undefined ? {} : { tls: [tls.length === 0 ? {} : { hosts: tls }] }),
    };
  }
  const parentRefs = at(
    [
      [{ name: 'outer' }],
      [{ name: 'outer' }, { name: 'inner' }],
      [{ name: 'inner', sectionName: 'secure' }],
      [
        { name: 'outer', sectionName: 'plain' },
        { name: 'outer', sectionName: 'secure' },
      ],
    ],
    (y * 17) % 1,
  )!;
  return { hostnames: hosts, parentRefs };
}

/** What the controllers of its Gateways say of a route. */
const routeStatus = (spec: object, isAccepted: boolean) => ({
  parents: ((spec as { parentRefs?: readonly object[] }).parentRefs ?? []).map((parentRef) => ({
    parentRef,
    controllerName: 'example.com/gateway-controller',
    conditions: [
      condition('Accepted', isAccepted ? 'True' : 'False', isAccepted ? 'Accepted' : 'NotAllowed'),
    ],
  })),
});

/** An Ingress or a route as its owner writes it; its controller answers a while later. */
const routePut: Action = (world, { cluster: index, x, y, forMs }) => {
  const cluster = world.clusters[index]!;
  const number = at(numbers[index]!, (x * 7) % 1)!;
  const kind = at(kinds, y)!;
  const name = `${kind.toLowerCase()}-${number}`;
  const spec = routeSpec(kind, x, y);
  const annotations = at(annotationLists, (x * 29) % 1)!;
  const apiVersion = kind === 'Ingress' ? 'networking.k8s.io/v1' : 'gateway.networking.k8s.io/v1';
  const metadata = { name, namespace: 'default', annotations: asking(name, annotations) };
  const object = { apiVersion, kind, metadata, spec };
  const before = cluster.kube.store.get(tableOf(kind), 'default', name);
  put(cluster, { ...object, status: before?.['status'] ?? {} });
  world.after(forMs / 4, () => {
    const current = cluster.kube.store.get(tableOf(kind), 'default', name);
    if (current === undefined) return;
    const status =
      kind === 'Ingress'
        ? ingressStatus(addresses(number, x / 2))
        : routeStatus(current['spec'] as object, true);
    put(cluster, { ...current, status });
  });
  return `${name} ${JSON.stringify(annotations)} ${JSON.stringify(spec)}`;
};

const routeAnnotate: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const route = at(allRoutes(cluster), x);
  if (route === undefined) return undefined;
  const annotations = at([...annotationLists, undefined], y);
  const { name } = route.metadata;
  const written = annotations === undefined ? {} : asking(name, annotations);
  put(cluster, withMeta(route, { annotations: written }));
  return `${name} ${JSON.stringify(annotations ?? 'nothing')}`;
};

/** Its controller changes its mind: other addresses, or none; accepted, or not. */
const routeAnswer: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const route = at(allRoutes(cluster), x);
  if (route === undefined) return undefined;
  const { kind, metadata } = route;
  const number = Number(/\d+/.exec(metadata.name)?.[0]);
  const status =
    kind === 'Ingress' ? ingressStatus(addresses(number, y)) : routeStatus(route['spec'] as object, y < 0.6);
  put(cluster, { ...route, status });
  return `${metadata.name} ${JSON.stringify(status)}`;
};

/** Deleted; sometimes a finalizer holds it for a while. */
const routeRemove: Action = (world, { cluster: index, x, y, forMs }) => {
  const cluster = world.clusters[index]!;
  const object = at([...allRoutes(cluster), ...cluster.kube.store.list(gatewayTable, 'default')], x);
  if (object === undefined) return undefined;
  const { kind, metadata } = object;
  const remove = () => {
    withdraw(cluster, object);
    cluster.kube.store.delete(tableOf(kind), 'default', metadata.name);
  };
  if (y < 0.6) remove();
  else {
    put(
      cluster,
      withMeta(object, { deletionTimestamp: cluster.kube.store.time(), finalizers: ['example.com/x'] }),
    );
    world.after(forMs, remove);
  }
  return `${kind} ${metadata.name}`;
};

const listenerLists: readonly (readonly object[])[] = [
  [
    { name: 'plain', port: 80, protocol: 'HTTP' },
    { name: 'secure', port: 443, protocol: 'HTTPS' },
    { name: 'pass', port: 8_443, protocol: 'TLS' },
  ],
  [
    { name: 'plain', port: 80, protocol: 'HTTP' },
    { name: 'secure', port: 443, protocol: 'HTTPS', hostname: '*.example.com' },
  ],
  [{ name: 'plain', port: 80, protocol: 'HTTP', hostname: 'a.example.com' }],
  [{ name: 'secure', port: 8_080, protocol: 'HTTPS' }],
];

/** A Gateway with its controller's answer: it works, or does not, or one of its listeners does not. */
const gatewayPut: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const name = at(gateways, x)!;
  const number = 20 + 2 * index + gateways.indexOf(name);
  const listeners = at(listenerLists, (x * 19) % 1)!;
  const isWell = y < 0.75;
  const answer = (well: boolean) =>
    condition('Programmed', well ? 'True' : 'False', well ? 'Programmed' : 'AddressNotAssigned');
  const ofListeners = (listeners as readonly { readonly name: string }[]).map((listener, each) => ({
    name: listener.name,
    conditions: [answer(isWell && !(y > 0.6 && each === 0))],
  }));
  put(cluster, {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace: 'default' },
    spec: { gatewayClassName: 'x', listeners },
    status: {
      addresses: addresses(number, (y * 23) % 1).map((value) => ({
        type: /^[\d.]+$/.test(value) ? 'IPAddress' : 'Hostname',
        value,
      })),
      conditions: [condition('Accepted', 'True', 'Accepted'), answer(isWell)],
      // Older controllers say nothing of listeners.
      listeners: y > 0.9 ? [] : ofListeners,
    },
  });
  return `${name} ${JSON.stringify(listeners)}${isWell ? '' : ', not programmed'}`;
};

/** The Gateway API is uninstalled, with all there is of it, and installed again after a while; then all of it is back. */
const gatewaysMissing: Action = (world, { cluster: index, forMs }) => {
  const cluster = world.clusters[index]!;
  if (awaited.has(cluster)) return undefined;
  const waiting = new Map<string, Draft>();
  const { kube, faults } = cluster;
  const own = [...tables, gatewayTable].filter((table) => table.includes('gateway'));
  for (const table of own) {
    for (const object of kube.store.list(table, 'default')) {
      waiting.set(`${object.kind}/${object.metadata.name}`, object);
      withdraw(cluster, object);
      kube.store.delete(table, 'default', object.metadata.name);
    }
  }
  // A restored etcd has it installed again, with the objects of that time.
  const isInstalled = () => own.some((table) => kube.store.list(table, 'default').length > 0);
  const fault: KubeFault = ({ path }) =>
    path.includes('gateway.networking.k8s.io') && !isInstalled()
      ? { kind: 'answer', status: 404 }
      : undefined;
  awaited.set(cluster, waiting);
  faults.add(fault);
  for (const table of own) kube.faults.cutWatches('end', { storage: table });
  world.outOfOrder(forMs, 'no Gateway API', () => {
    faults.delete(fault);
    awaited.delete(cluster);
    for (const object of waiting.values()) {
      const { apiVersion, kind, metadata, spec } = object;
      const { name, annotations = {} } = metadata;
      const status = kind === 'Gateway' ? object['status'] : routeStatus(spec as object, true);
      put(cluster, { apiVersion, kind, metadata: { name, namespace: 'default', annotations }, spec, status });
    }
  });
  return `${waiting.size} objects, for ${forMs} ms`;
};

/** Many Ingresses, and many routes at one Gateway. */
const routesMany: Action = (world, { cluster: index, y }) => {
  const cluster = world.clusters[index]!;
  const isIngress = y < 0.5;
  const count = 16;
  const first = 100 + index * count;
  if (!isIngress) gatewayPut(world, { at: 0, action: '', cluster: index, x: 0, y: 0, forMs: 0 });
  for (let each = first; each < first + count; each += 1) {
    const name = `many-${each}`;
    const metadata = { name, namespace: 'default', annotations: asking(name, {}) };
    const spec = isIngress
      ? { rules: [{ host: 'a.example.com' }] }
      : { hostnames: ['a.example.com'], parentRefs: [{ name: 'outer' }] };
    const status = isIngress ? ingressStatus([`203.0.113.${each}`]) : routeStatus(spec, true);
    const apiVersion = isIngress ? 'networking.k8s.io/v1' : 'gateway.networking.k8s.io/v1';
    put(cluster, { apiVersion, kind: isIngress ? 'Ingress' : 'HTTPRoute', metadata, spec, status });
  }
  return `${count} ${isIngress ? 'Ingresses' : 'routes'}`;
};

/** A controller starts anew and clears every status, until it has found all again. */
const routesStatusLost: Action = (world, { cluster: index, forMs }) => {
  const cluster = world.clusters[index]!;
  if (cluster.spared.size > 0) return undefined;
  const all = [...catalogOf(world.consul).values()].flatMap(({ instances }) => [...instances.keys()]);
  const wanted = new Set(cluster.history.now.instances.keys());
  const keys = all.filter((key) => key.startsWith('route ') && wanted.has(key));
  if (keys.length <= Math.max(10, 0.3 * all.length) + 2) return undefined;
  const before = [...allRoutes(cluster), ...cluster.kube.store.list(gatewayTable, 'default')];
  for (const object of before) cluster.kube.store.apply({ ...object, status: {} });
  for (const key of keys) cluster.spared.set(key, 'mostly registered');
  cluster.sparedSince = world.clock.now();
  world.outOfOrder(Math.min(forMs, 100_000), 'no status', () => {
    for (const object of before) {
      const current = cluster.kube.store.get(tableOf(object.kind), 'default', object.metadata.name);
      if (current === undefined) continue;
      cluster.kube.store.apply({ ...current, status: object['status'] });
    }
    cluster.spared.clear();
  });
  return `${keys.length} instances for ${forMs} ms`;
};

export const routes = {
  'route-put': routePut,
  'route-annotate': routeAnnotate,
  'route-answer': routeAnswer,
  'route-remove': routeRemove,
  'gateway-put': gatewayPut,
  'gateways-missing': gatewaysMissing,
  'routes-many': routesMany,
  'routes-status-lost': routesStatusLost,
} satisfies Record<string, Action>;
