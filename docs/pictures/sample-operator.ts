import { configSchema } from '../../src/config/schema.ts';
import { silentLogger } from '../../src/logging/logger.ts';
import { noopMetrics } from '../../src/metrics/catalogue.ts';
import { Operator } from '../../src/operator.ts';
import { ConsulServer } from '../../src/sandbox/consul/consul-server.ts';
import { Cluster } from '../../src/sandbox/kube/controllers/cluster.ts';
import { KubeApi } from '../../src/sandbox/kube/kube-api.ts';
import type { Reading } from '../../src/server/reading.ts';
import { seeded } from '../../test/support/seeded-random.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';

const namespace = 'shop';
const apps = ['web', 'search', 'cart', 'checkout', 'payments', 'catalog', 'accounts', 'mail', 'reviews'];
/** Of 15 s each, as the page counts: an hour and two minutes. */
const steps = 248;

/** What an operator knows after an hour in a cluster that is worked in: the real one, in virtual time. */
export async function readingAfterAnHour(): Promise<Reading> {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1, 8));
  const random = seeded(7);
  const kube = new KubeApi({ clock, random });
  const timing = () => ({ startMs: 500 + 2_000 * random(), readyMs: 500 + 4_000 * random() });
  const cluster = new Cluster({ api: kube, clock, timing });
  for (const at of [1, 2, 3, 4]) cluster.nodes.add({ name: `node-${at}`, address: `192.0.2.1${at}` });
  const consul = new ConsulServer({ clock, random });
  // As a Consul in a network answers: mostly at once, and now and then late.
  consul.intercept = () => ({ kind: 'delay', ms: 2 + 4 * random() + 60 * random() ** 12 });
  const operator = new Operator({
    config: configSchema.parse({
      cluster: { name: 'prod' },
      consul: { addresses: ['https://consul.example:8501'] },
    }),
    clock,
    random,
    logger: silentLogger,
    metrics: noopMetrics,
    version: '0.1.0',
    kube: kube.transport(),
    consul: consul.transport(),
    token: () => undefined,
  });
  const stop = new AbortController();
  const done = operator.run(stop.signal);
  for (const app of apps) cluster.create(deploymentOf(app, 2 + Math.floor(6 * random())), 'deployments.apps');
  for (let step = 0; step < steps; step += 1) {
    if (random() < 0.4) cluster.restart(namespace, pick(apps, random));
    if (random() < 0.1) cluster.scale(namespace, pick(apps, random), 2 + Math.floor(7 * random()));
    if (step === 160) cluster.nodes.fail('node-3');
    if (step === 184) cluster.nodes.recover('node-3');
    await clock.advance(15_000);
  }
  cluster.create(deploymentOf('rates', 1, 'htp'), 'deployments.apps');
  const [pod] = cluster.pods(namespace, { app: 'mail' });
  cluster.kubelets.setReadiness(namespace, pod!.metadata.name, { ready: false });
  await clock.advance(20_000);
  const reading = await operator.reading(() => undefined);
  stop.abort();
  await clock.advance(60_000);
  await done;
  cluster[Symbol.dispose]();
  consul[Symbol.dispose]();
  return reading;
}

const pick = <Item>(items: readonly Item[], random: () => number): Item =>
  items[Math.floor(items.length * random())]!;

const deploymentOf = (app: string, replicas: number, port = 'http') => ({
  kind: 'Deployment',
  metadata: { name: app, namespace },
  spec: {
    replicas,
    selector: { matchLabels: { app } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    template: {
      metadata: {
        labels: { app },
        annotations: { 'kube-registrar.io/service': app, 'kube-registrar.io/port': port },
      },
      spec: {
        containers: [
          { name: app, image: `registry.example/${app}:1`, ports: [{ name: 'http', containerPort: 8080 }] },
        ],
      },
    },
  },
});
