import { type KubeObject, withMeta } from '../../../src/sandbox/kube/object.ts';
import { catalogOf } from '../catalog.ts';
import type { Cluster } from '../cluster.ts';
import { isReady } from '../pod-status.ts';
import { type Action, at } from '../script.ts';
import type { World } from '../world.ts';

/** What applications ask for, by name. */
const asked: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  web: { service: 'web', port: 'http', tags: 'b,a' },
  api: { service: 'api', port: 'admin', weight: '5' },
  db: { service: 'db', port: 'http', drain: 'warning' },
  job: { service: 'job', port: '8080', drain: 'deregister', check: 'none' },
  both: { services: '[{"service":"both","port":"http"},{"service":"both-admin","port":"admin"}]' },
  host: { service: 'host', port: 'http', address: 'host' },
  every: { service: 'every', port: '*' },
  // Only registered when a Service of that name asks for it.
  quiet: {},
};
const apps = Object.keys(asked);
const changes: readonly Readonly<Record<string, string>>[] = [
  { service: 'web', port: 'http', tags: 'c' },
  { service: 'web2', port: 'http' },
  { service: 'web' },
  { service: 'web', port: 'admin', tags: 'b,a' },
  { service: 'web', port: '*' },
  {},
  { service: 'web', port: 'htp' },
  { service: 'Not A Name!' },
  { service: 'web', port: 'http', weight: '0' },
  { service: 'false' },
  { service: 'web', port: 'http', tags: 'x'.repeat(200), 'no-such-field': 'y' },
];

function add(
  { traits }: World,
  cluster: Cluster,
  app: string,
  x: number,
  y: number,
  name = cluster.freshName(app),
) {
  const node = at(cluster.nodes(), x);
  if (node === undefined || cluster.pods().length >= traits.mostPods) return undefined;
  return cluster.putPod({
    name,
    app,
    node: node.metadata.name,
    annotations: asked[app] ?? {},
    ready: false,
    hostNetwork: app === 'host',
    ip: cluster.address(y < 0.5),
  });
}

export const live = (cluster: Cluster) =>
  cluster.pods().filter(({ metadata }) => metadata.deletionTimestamp === undefined);

const ofDefault = (cluster: Cluster) =>
  live(cluster).filter(({ metadata }) => metadata.namespace === 'default');

/** A pod starts: it has an address before it is ready. */
const podAdd: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const app = at(apps, y)!;
  const pod = add(world, cluster, app, x, x);
  if (pod === undefined) return undefined;
  cluster.syncSlices();
  world.after(x * 3_000, () => cluster.setReady(pod, true));
  return `${pod.metadata.name} on ${String((pod['spec'] as { nodeName: string }).nodeName)}`;
};

/** A pod of this application. Two on the host's network share an address and a port. */
const podAddOf =
  (app: string): Action =>
  (world, step) =>
    podAdd(world, { ...step, y: (apps.indexOf(app) + 0.5) / apps.length });

const podFlip: Action = (world, { cluster: index, x }) => {
  const cluster = world.clusters[index]!;
  const pod = at(live(cluster), x);
  if (pod === undefined) return undefined;
  cluster.setReady(pod, !isReady(pod));
  return `${pod.metadata.name} ${isReady(pod) ? 'fails its probe' : 'is ready'}`;
};

/** Short unreadiness: hidden from whoever does not look in between. */
const podBlink: Action = (world, { cluster: index, x, forMs }) => {
  const cluster = world.clusters[index]!;
  const pod = at(live(cluster).filter(isReady), x);
  if (pod === undefined) return undefined;
  cluster.setReady(pod, false);
  world.after(forMs, () => cluster.setReady(pod, true));
  return `${pod.metadata.name} unready for ${forMs} ms`;
};

/** Ends as a kubelet ends it: terminating, then unready, then gone. */
export function endGracefully(world: World, cluster: Cluster, { metadata }: KubeObject, ms: number): void {
  const pod = cluster.kube.store.get('pods', metadata.namespace, metadata.name);
  if (pod === undefined) return;
  cluster.terminate(pod);
  world.after(ms / 2, () => cluster.setReady(pod, false));
  world.after(ms, () => cluster.removePod(pod));
}

const podDelete: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const pod = at(live(cluster), x);
  if (pod === undefined) return undefined;
  endGracefully(world, cluster, pod, 200 + y * 5_000);
  return pod.metadata.name;
};

/** `kubectl delete --force`: no terminating phase. */
const podForceDelete: Action = (world, { cluster: index, x }) => {
  const cluster = world.clusters[index]!;
  const pod = at(cluster.pods(), x);
  if (pod === undefined) return undefined;
  cluster.removePod(pod);
  return pod.metadata.name;
};

const podFinish: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const pod = at(live(cluster), x);
  if (pod === undefined) return undefined;
  cluster.setPhase(pod, y < 0.5 ? 'Succeeded' : 'Failed');
  return pod.metadata.name;
};

/** A StatefulSet's pod comes back under its name, perhaps elsewhere, perhaps with its address. */
const podRecreate: Action = (world, { cluster: index, x, y, forMs }) => {
  const cluster = world.clusters[index]!;
  const pod = at(ofDefault(cluster), x);
  if (pod === undefined) return undefined;
  const { name, labels } = pod.metadata;
  const app = labels?.['app'] ?? 'web';
  cluster.removePod(pod);
  world.after(forMs < 2_000 ? 0 : forMs, () => {
    const again = add(world, cluster, app, y, 0, name);
    if (again === undefined) return;
    cluster.syncSlices();
    world.after(500 * y, () => cluster.setReady(again, true));
  });
  return name;
};

/** A new pod for each old one of an application, one after the other. */
const rollout: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const app = at(apps, x)!;
  const old = live(cluster).filter(({ metadata }) => metadata.labels?.['app'] === app);
  for (const [turn, pod] of old.entries()) {
    world.after(turn * 1_500, () => {
      const next = add(world, cluster, app, y, 0.9);
      if (next === undefined) return;
      cluster.syncSlices();
      world.after(700, () => {
        cluster.setReady(next, true);
        endGracefully(world, cluster, pod, 2_000);
      });
    });
  }
  return old.length === 0 ? undefined : `${app}, ${old.length} pods`;
};

const scaleToZero: Action = (world, { cluster: index, x }) => {
  const cluster = world.clusters[index]!;
  const app = at(apps, x)!;
  const pods = live(cluster).filter(({ metadata }) => metadata.labels?.['app'] === app);
  for (const pod of pods) endGracefully(world, cluster, pod, 1_000);
  return pods.length === 0 ? undefined : `${app}, ${pods.length} pods`;
};

/** Everything in the namespace ends at once. */
const namespaceDelete: Action = (world, { cluster: index }) => {
  const cluster = world.clusters[index]!;
  for (const pod of ofDefault(cluster)) endGracefully(world, cluster, pod, 3_000);
  for (const { metadata } of cluster.services()) cluster.removeService(metadata.name);
  return 'default';
};

const annotate: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const pod = at(live(cluster), x);
  if (pod === undefined) return undefined;
  const annotations = at(changes, y)!;
  cluster.annotate(pod, annotations);
  const { labels = {} } = pod.metadata;
  cluster.changePod(pod, (now) => withMeta(now, { labels: { ...labels, track: `${Math.floor(x * 9)}` } }));
  return `${pod.metadata.name} ${JSON.stringify(annotations)}`;
};

const hostile: readonly Readonly<Record<string, string>>[] = [
  { service: 'a'.repeat(70_000) },
  { service: '__proto__', port: 'http' },
  { services: '[[[[[[[[[[' },
  { services: '- &a [*a, *a]' },
  { service: 'web', port: '99999999999999999999' },
  { service: 'web', port: 'http', 'meta.__proto__': 'x', 'meta.constructor': 'y' },
  { service: 'web', port: 'http', tags: ','.repeat(5_000) },
  { service: '\u0000\ud800', port: '\n' },
  // Half a character, which Consul would keep as another.
  { services: '[{"service": "web", "port": "http", "tags": ["\\ud800"], "maintenance": "\\udc00"}]' },
  { services: `- {service: "a${'-'.repeat(32_000)}a", warmup: "${'1'.repeat(32_000)}x"}` },
  { service: 'web', port: 'http', tags: '{pod.label.ap}'.repeat(290), junk: 'x'.repeat(60_000) },
];

/** Whatever the annotation is, it concerns its pod alone. */
const annotateHostile: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const pod = at(live(cluster), x);
  if (pod === undefined) return undefined;
  const annotations = at(hostile, y)!;
  cluster.annotate(pod, annotations);
  return `${pod.metadata.name} ${JSON.stringify(annotations).slice(0, 60)}`;
};

/** What the configuration forbids by default is a mistake like any other: what is registered stays. */
const forbidden: readonly Readonly<Record<string, string>>[] = [
  { service: 'consul', port: 'http' },
  { service: 'kube-registrar', port: 'http', tags: 'leader' },
  { service: 'web', port: 'http', 'check-http': 'http://169.254.169.254/latest' },
  { service: 'web', port: 'http', 'health-url': 'https://10.9.9.9/x' },
  { services: JSON.stringify([{ service: 'web', port: 'http', 'check-tcp': '10.9.9.9:80' }]) },
];

const annotateForbidden: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const pod = at(live(cluster), x);
  if (pod === undefined) return undefined;
  const annotations = at(forbidden, y)!;
  cluster.annotate(pod, annotations);
  return `${pod.metadata.name} ${JSON.stringify(annotations)}`;
};

/** The mistake is mended: the application's own annotations again. */
const mend: Action = (world, { cluster: index, x }) => {
  const cluster = world.clusters[index]!;
  const pod = at(live(cluster), x);
  if (pod === undefined) return undefined;
  cluster.annotate(pod, asked[pod.metadata.labels?.['app'] ?? ''] ?? {});
  return pod.metadata.name;
};

/** Labels and other people's annotations change: nothing of ours does. */
const irrelevant: Action = (world, { cluster: index, x, y }) => {
  const cluster = world.clusters[index]!;
  const pod = at(live(cluster), x);
  if (pod === undefined) return undefined;
  const { annotations = {} } = pod.metadata;
  cluster.changePod(pod, (now) =>
    withMeta(now, { annotations: { ...annotations, 'example.com/x': `${y}` } }),
  );
  return pod.metadata.name;
};

const serviceNames = ['web', 'quiet', 'outside'];
const serviceAnnotations: readonly Readonly<Record<string, string>>[] = [
  { service: 'true', port: 'http' },
  { service: 'svc', port: 'http', tags: 't' },
  { service: 'svc', port: 'admin' },
  { service: 'true', port: '*' },
  { service: 'svc', port: 'none' },
  {},
];

const servicePut: Action = (world, { cluster: index, x, y }) => {
  const name = at(serviceNames, x)!;
  const annotations = at(serviceAnnotations, y)!;
  // Two Services must not ask for one name here: which of them gets it is not the oracle's business.
  const own = annotations['service'] === 'svc' ? { ...annotations, service: `svc-${name}` } : annotations;
  world.clusters[index]!.putService(name, own);
  return `${name} ${JSON.stringify(own)}`;
};

const serviceRemove: Action = (world, { cluster: index, x }) => {
  const cluster = world.clusters[index]!;
  const name = at(cluster.services(), x)?.metadata.name;
  if (name !== undefined) cluster.removeService(name);
  return name;
};

const nodeNotReady: Action = (world, { cluster: index, x, y, forMs }) => {
  const cluster = world.clusters[index]!;
  const name = at(cluster.nodes(), x)?.metadata.name;
  if (name === undefined) return undefined;
  cluster.putNode(name, y < 0.5 ? 'Unknown' : 'False');
  world.after(forMs, () => {
    if (cluster.nodes().some(({ metadata }) => metadata.name === name)) cluster.putNode(name);
  });
  return `${name} for ${forMs} ms`;
};

/** Pods of Jobs: they complete and are deleted in the same moment. */
const jobsDone: Action = (world, { cluster: index }) => {
  const cluster = world.clusters[index]!;
  const pods = live(cluster);
  for (const pod of pods) {
    cluster.setPhase(pod, 'Succeeded');
    cluster.removePod(pod);
  }
  return `${pods.length} pods`;
};

/** A cloud node is lost: its object goes, and the pod garbage collector fails its pods and deletes them by force. */
const nodeCollected: Action = (world, { cluster: index, x, y, forMs }) => {
  const cluster = world.clusters[index]!;
  const name = at(cluster.nodes(), x)?.metadata.name;
  if (name === undefined) return undefined;
  const isNodeFirst = y < 0.5;
  const removeNode = () => cluster.kube.store.delete('nodes', undefined, name);
  const known = catalogOf(world.consul).get(`${cluster.name}-${name}`)?.instances.keys() ?? [];
  for (const key of known) cluster.spared.delete(key);
  if (isNodeFirst) removeNode();
  for (const pod of cluster.pods()) {
    if ((pod['spec'] as { nodeName: string }).nodeName !== name) continue;
    cluster.setPhase(pod, 'Failed');
    cluster.removePod(pod);
  }
  if (!isNodeFirst) removeNode();
  world.after(1_000 + forMs, () => cluster.putNode(name));
  return `${name}, ${isNodeFirst ? 'then its pods' : 'after its pods'}`;
};

/** Nobody watches while all pods are replaced, some of them without a successor. */
const rolledUnseen: Action = (world, { cluster: index, x, y, forMs }) => {
  const cluster = world.clusters[index]!;
  const running = world.alive(cluster);
  if (running.length === 0 || cluster.spared.size > 0) return undefined;
  for (const process of running) world.crash(process, forMs);
  let count = 0;
  for (const pod of ofDefault(cluster)) {
    const app = pod.metadata.labels?.['app'] ?? '';
    cluster.removePod(pod);
    count += 1;
    const next = count % 3 === 0 ? undefined : add(world, cluster, app, x, y);
    if (next !== undefined) world.after(10, () => cluster.setReady(next, true));
  }
  cluster.syncSlices();
  return `${count} pods in ${forMs} ms`;
};

/** The machine goes, and the Node object; its pods go a little later. */
const nodeRemove: Action = (world, { cluster: index, x, forMs }) => {
  const cluster = world.clusters[index]!;
  const name = at(cluster.nodes(), x)?.metadata.name;
  if (name === undefined) return undefined;
  cluster.kube.store.delete('nodes', undefined, name);
  const known = catalogOf(world.consul).get(`${cluster.name}-${name}`)?.instances.keys() ?? [];
  for (const key of known) cluster.spared.delete(key);
  world.after(1_000, () => {
    for (const pod of cluster.pods()) {
      if ((pod['spec'] as { nodeName: string }).nodeName === name) cluster.removePod(pod);
    }
  });
  world.after(1_000 + forMs, () => cluster.putNode(name));
  return name;
};

export const workload = {
  'pod-add': podAdd,
  'pod-add-web': podAddOf('web'),
  'pod-add-api': podAddOf('api'),
  'pod-add-db': podAddOf('db'),
  'pod-add-both': podAddOf('both'),
  'pod-add-host': podAddOf('host'),
  'pod-add-quiet': podAddOf('quiet'),
  'pod-flip': podFlip,
  'pod-blink': podBlink,
  'pod-delete': podDelete,
  'pod-force-delete': podForceDelete,
  'pod-finish': podFinish,
  'pod-recreate': podRecreate,
  rollout,
  'scale-to-zero': scaleToZero,
  'namespace-delete': namespaceDelete,
  annotate,
  'annotate-hostile': annotateHostile,
  'annotate-forbidden': annotateForbidden,
  mend,
  irrelevant,
  'service-put': servicePut,
  'service-remove': serviceRemove,
  'node-not-ready': nodeNotReady,
  'node-remove': nodeRemove,
  'node-collected': nodeCollected,
  'jobs-done': jobsDone,
  'rolled-unseen': rolledUnseen,
} satisfies Record<string, Action>;
