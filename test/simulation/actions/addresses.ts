import { type KubeObject, withMeta } from '../../../src/sandbox/kube/object.ts';
import { type Annotations, prefixed } from '../asking.ts';
import { catalogOf } from '../catalog.ts';
import type { Cluster } from '../cluster.ts';
import { type Action, at } from '../script.ts';
import { loadBalancerOf, specOf } from '../service-oracle.ts';
import type { World } from '../world.ts';

/** Services with an address of their own, by cluster; a number that their addresses are made of is in each name. */
const names = [
  ['edge-1', 'edge-2', 'edge-3'],
  ['edge-4', 'edge-5', 'edge-6'],
] as const;
/** What they select; nothing has the last label. */
const selected = ['quiet', 'web', 'quiet', 'both', 'nobody'] as const;

/** Every way to be reached. `{}` are the endpoints. */
const choices: readonly Annotations[] = [
  { address: 'load-balancer' },
  { address: 'node-port' },
  { address: 'node-port', 'node-port': 'nodes' },
  { address: 'node-port', 'node-port': 'nodes', 'node-address': 'external-first' },
  { address: 'node-port', 'node-address': 'external' },
  { address: 'external-ips' },
  { address: 'cluster-ip' },
  { address: 'auto' },
  { address: 'pod' },
  { address: '203.0.113.99' },
  { address: 'edge.lb.example' },
  {},
];

/** Mistakes: what is registered stays. The last one is not allowed. */
const mistakes: readonly Annotations[] = [
  { address: 'load-balancr' },
  { address: 'load-balancer', port: 'none' },
  { address: 'node-port', 'node-port': 'all' },
  { address: '198.51.100.1' },
];

const types = ['LoadBalancer', 'NodePort', 'ClusterIP', 'LoadBalancer', 'ExternalName'] as const;

const numberOf = (name: string): number => Number(/\d+/.exec(name)?.[0]);

function specFor(name: string, type: (typeof types)[number], x: number): object {
  const number = numberOf(name);
  const isOnNodes = type === 'LoadBalancer' || type === 'NodePort';
  const ports = ['http', 'admin'].map((port, index) => ({
    name: port,
    port: 80 + index,
    ...(isOnNodes ? { nodePort: 30_000 + 10 * number + index } : {}),
  }));
  if (type === 'ExternalName') return { type, ports, externalName: `${name}.example.com` };
  const draw = Math.floor(x * 1_000);
  return {
    type,
    ports,
    // Now and then a Service whose endpoints Kubernetes does not keep, and a headless one.
    ...(draw % 7 === 0 ? {} : { selector: { app: at(selected, (draw % 5) / 5)! } }),
    clusterIP: type === 'ClusterIP' && draw % 4 === 0 ? 'None' : `10.96.0.${number}`,
    ...(draw % 3 === 0 ? { externalIPs: [`198.51.100.${number}`] } : {}),
    ...(draw % 2 === 0 && isOnNodes ? { externalTrafficPolicy: 'Local' } : {}),
    ...(draw % 5 === 0 ? { publishNotReadyAddresses: true } : {}),
  };
}

const edges = (cluster: Cluster): readonly KubeObject[] =>
  cluster.services().filter(({ metadata }) => metadata.name.startsWith('edge-'));

const asking = (annotations: Annotations): Annotations =>
  prefixed({ service: 'true', port: 'http', ...annotations });

/** Its owner changes it: what is registered of it may go. */
function change(cluster: Cluster, service: KubeObject, next: KubeObject): void {
  cluster.withdraw(service.metadata.name);
  cluster.kube.store.apply(next);
  cluster.syncSlices();
}

/** What a provider does: writes the addresses of a load balancer. */
function provide(cluster: Cluster, name: string, ingress: readonly object[]): void {
  const current = cluster.kube.store.get('services', 'default', name);
  if (current === undefined || specOf(current).type !== 'LoadBalancer') return;
  cluster.kube.store.apply({ ...current, status: { loadBalancer: { ingress } } });
}

const given = (name: string): readonly object[] => [{ ip: `203.0.113.${numberOf(name)}`, ipMode: 'VIP' }];

/** A Service that is reached otherwise than by its pods; a load balancer gets its address later. */
const addressPut: Action = (world, { cluster: index, x, y, forMs }) => {
  const cluster = world.clusters[index]!;
  const name = at(names[index]!, (x * 7) % 1)!;
  const type = at(types, y)!;
  const spec = specFor(name, type, x);
  const annotations = at(choices, (y * 31) % 1)!;
  cluster.withdraw(name);
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', annotations: asking(annotations) },
    spec,
  });
  cluster.syncSlices();
  if (type === 'LoadBalancer') world.after(forMs, () => provide(cluster, name, given(name)));
  return `${name} ${JSON.stringify(annotations)} ${JSON.stringify(spec)}`;
};

/** Only the annotations change: other instances take over. */
const switchTo =
  (list: readonly Annotations[]): Action =>
  (world, { cluster: index, x, y }) => {
    const cluster = world.clusters[index]!;
    const service = at(edges(cluster), x);
    if (service === undefined) return undefined;
    const annotations = at(list, y)!;
    change(cluster, service, withMeta(service, { annotations: asking(annotations) }));
    return `${service.metadata.name} ${JSON.stringify(annotations)}`;
  };

/** Several services of one Service, each reached by something of its own; one of them by two. */
const addressList: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const service = at(edges(cluster), x);
  if (service === undefined) return undefined;
  const { name } = service.metadata;
  const of = (each: number) => at(choices, (y * 37 + each * 0.31) % 1)!;
  const list = [
    { service: `${name}-two`, port: 'http', ...of(0) },
    { service: `${name}-two`, port: 'http', address: 'cluster-ip' },
    { service: `${name}-one`, port: 'admin', ...of(1) },
  ];
  change(cluster, service, withMeta(service, { annotations: prefixed({ services: JSON.stringify(list) }) }));
  return `${name} ${JSON.stringify(list)}`;
};

/** Type, selector, external IPs and whatever else says where a Service is. */
const addressSpec: Action = (world, { cluster: index, x, y, forMs }) => {
  const cluster = world.clusters[index]!;
  const service = at(edges(cluster), x);
  if (service === undefined) return undefined;
  const { name } = service.metadata;
  const type = at(types, y)!;
  const spec = specFor(name, type, (x * 13 + y * 17) % 1);
  // A load balancer that is none any more loses its status.
  const status = type === 'LoadBalancer' ? service['status'] : {};
  change(cluster, service, { ...service, spec, status } as KubeObject);
  if (type === 'LoadBalancer') world.after(forMs, () => provide(cluster, name, given(name)));
  return `${name} ${JSON.stringify(spec)}`;
};

const statuses: readonly ((number: number) => readonly object[])[] = [
  () => [],
  (number) => [{ ip: `203.0.113.${number}` }],
  (number) => [{ ip: `203.0.113.${number}` }, { ip: `203.0.113.${number + 50}` }],
  (number) => [{ hostname: `LB-${number}.example.com` }],
  () => [{ ip: '169.254.169.254' }, { hostname: 'localhost' }],
  (number) => [{ ip: `203.0.113.${number + 50}`, ipMode: 'Proxy' }],
];

/** A provider changes the addresses of one load balancer, or takes them away. */
const addressStatus: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const balancers = edges(cluster).filter((each) => specOf(each).type === 'LoadBalancer');
  const service = at(balancers, x);
  if (service === undefined) return undefined;
  const { name } = service.metadata;
  const ingress = at(statuses, y)!(numberOf(name));
  cluster.withdraw(name);
  provide(cluster, name, ingress);
  return `${name} ${JSON.stringify(ingress)}`;
};

const addressRemove: Action = (world, { cluster: index, x }) => {
  const cluster = world.clusters[index]!;
  const name = at(edges(cluster), x)?.metadata.name;
  if (name !== undefined) cluster.removeService(name);
  return name;
};

/** A node's machine gets other addresses. */
const nodeReaddress: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const name = at(cluster.nodes(), x)?.metadata.name;
  if (name === undefined) return undefined;
  const number = Number(/\d+/.exec(name)?.[0] ?? 1);
  const internal = { type: 'InternalIP', address: `10.0.${y < 0.6 ? 0 : 1}.${number}` };
  const external = { type: 'ExternalIP', address: `198.18.0.${number}` };
  const addresses = (y * 10) % 2 < 1 ? [internal] : [internal, external];
  cluster.readdress(name, addresses);
  return `${name} ${JSON.stringify(addresses.map(({ address }) => address))}`;
};

/** Many load balancers, half of them in front of pods. */
const addressMany: Action = (world, { cluster: index }) => {
  const cluster = world.clusters[index]!;
  const count = 16;
  const first = 10 + index * count;
  for (let each = first; each < first + count; each += 1) {
    cluster.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: `edge-${each}`,
        namespace: 'default',
        annotations: asking({ address: 'load-balancer' }),
      },
      spec: {
        ...specFor(`edge-${each}`, 'LoadBalancer', 0),
        ...(each % 2 === 0 ? { selector: { app: 'quiet' } } : {}),
      },
      status: { loadBalancer: { ingress: [{ ip: `203.0.113.${100 + each}` }] } },
    });
  }
  cluster.syncSlices();
  return `${count} load balancers`;
};

/** So many may go unexplained, and so large a share. See docs/safety.md. */
const mayGo = (registered: number): number => Math.max(10, Math.floor(0.3 * registered));

/**
 * A provider starts anew and clears the status of all its load balancers, until it has found them again. Nothing says
 * that the addresses do not work any more.
 */
const addressStatusLost: Action = (world, { cluster: index, forMs }) => {
  const cluster = world.clusters[index]!;
  if (cluster.spared.size > 0) return undefined;
  const all = [...catalogOf(world.consul).values()].flatMap(({ instances }) => [...instances.values()]);
  const lost = cluster.services().filter((each) => loadBalancerOf(each).length > 0);
  const found = new Set(all.flatMap(({ key, entry }) => (isOf(world, cluster, entry.Meta) ? [key] : [])));
  const keys = [...cluster.history.now.instances.values()].flatMap(({ key, reach }) =>
    reach === 'load-balancer' && found.has(key) ? [key] : [],
  );
  if (keys.length <= mayGo(all.length) + 2) return undefined;
  const before = lost.map((service) => ({
    name: service.metadata.name,
    ingress: loadBalancerOf(service),
  }));
  for (const key of keys) cluster.spared.set(key, 'mostly registered');
  for (const { name } of before) provide(cluster, name, []);
  cluster.sparedSince = world.clock.now();
  world.outOfOrder(Math.min(forMs, 100_000), 'no status', () => {
    for (const { name, ingress } of before) provide(cluster, name, ingress);
    cluster.spared.clear();
  });
  return `${keys.length} addresses for ${forMs} ms`;
};

const isOf = ({ clusters }: World, cluster: Cluster, meta: Annotations | null | undefined): boolean =>
  clusters.length === 1 || meta?.['kube-cluster'] === cluster.name;

export const addresses = {
  'address-put': addressPut,
  'address-switch': switchTo(choices),
  'address-mistake': switchTo(mistakes),
  'address-list': addressList,
  'address-spec': addressSpec,
  'address-status': addressStatus,
  'address-remove': addressRemove,
  'node-readdress': nodeReaddress,
  'address-many': addressMany,
  'address-status-lost': addressStatusLost,
} satisfies Record<string, Action>;
