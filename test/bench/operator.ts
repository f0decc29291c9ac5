/**
 * The whole operator against the budgets: `npm run bench [pods] [nodes] [plot.svg]`, default 5,000 on 50; with 20,000
 * pods or more (`npm run bench 50000 500`) only what grows with their number. Takes some four minutes. `STALLS=1` says
 * what ran while the event loop stood still, and makes the other figures a little worse.
 *
 * An API server, the operator as it is in the image, and a real Consul, each in a process of its own; this process
 * is the consumer that waits in blocking queries. The same consumer waits for bare transactions, one by one in
 * turn with the operator's, so that figures can be read as ratios of one run: absolute times depend on the machine.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../../src/lib/in-parallel.ts';
import { eventually } from '../support/eventually.ts';
import { startConsul } from '../support/real/consul.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { bundle } from '../support/real/image.ts';
import { bareChange, bareName, bareTransactions } from './bare.ts';
import { Consumer } from './consumer.ts';
import { driftRepair, irrelevantUpdates, nodeLost, restart, untilIdle } from './incidents.ts';
import { agent, json, now } from './json-request.ts';
import { Kube } from './kube.ts';
import { cpuSeconds, OperatorProcess } from './operator-process.ts';
import { cumulative, type Distribution } from './plot.ts';
import { addressOf } from './pod-text.ts';
import { percentile, Report } from './report.ts';

const [pods = 5_000, nodes = 50] = process.argv.slice(2, 4).map(Number);
const plotFile = process.argv[4];
const isLarge = pods >= 20_000;
const services = Math.min(200, Math.ceil(pods / 10));
/** Services with a consumer: the first. */
const watched = Math.min(20, Math.ceil(services / 2));
const changesPerSecond = 200;

const report = new Report();
const scratch = await dataDir('bench');
const ended = new AbortController();
await using consul = await startConsul();
using kube = await Kube.start({ pods, nodes, services });
await bundle();
const startedAt = now();
const startOperator = () => OperatorProcess.start({ kube: kube.origin, consul: consul.url, dir: scratch });
let operator = await startOperator();
const consulPid = consul.servers[0]!.pid;

const distributions: Distribution[] = [];
const consumers = new Map<string, Consumer>();
const isReady = Array<boolean>(pods).fill(true);
const isBarePassing = Array<boolean>(pods).fill(true);
const serviceOf = (pod: number): string => `app-${pod % services}`;

/** The pods of watched services, then the others, in turns. No pod comes back soon: each change is to be seen. */
const watchedPod = (turn: number): number => podOf(turn % watched, Math.floor(turn / watched));
const otherPod = (turn: number): number =>
  podOf(watched + (turn % (services - watched)), Math.floor(turn / (services - watched)));
const podOf = (service: number, turn: number): number => service + services * (turn % (pods / services));

/** Flips the pod's readiness; resolves with the moment at which its event was sent. */
function toggle(pod: number): Promise<number> {
  isReady[pod] = !isReady[pod];
  return kube.flip(pod, isReady[pod]);
}

/** Flips the readiness of a watched pod; how long until its consumer saw that, ms. */
async function change(pod: number): Promise<number> {
  const status = isReady[pod] ? 'critical' : 'passing';
  const seen = consumers.get(serviceOf(pod))!.see(addressOf(pod), status);
  const sent = await toggle(pod);
  return (await seen) - sent;
}

/** The same by a bare transaction, on the twin of the pod's instance. */
async function changeBare(pod: number): Promise<number> {
  const service = serviceOf(pod);
  isBarePassing[pod] = !isBarePassing[pod];
  const status = isBarePassing[pod] ? 'passing' : 'critical';
  const twin = { consul: consul.url, service, address: addressOf(pod), status };
  return bareChange(twin, consumers.get(bareName(service))!);
}

async function coldSync(): Promise<void> {
  await eventually(
    async () => {
      const values = await operator.metrics();
      let registered = 0;
      for (const [name, value] of values) {
        if (name.startsWith('kube_registrar_instances{')) registered += value;
      }
      return registered >= pods && values.get('kube_registrar_queue_depth') === 0;
    },
    { timeoutMs: 150_000, intervalMs: isLarge ? 500 : 100, what: 'everything is registered' },
  );
  const doneAt = now();
  const listedAt = await kube.listed;
  report.row('process start, until the first list', 's', (listedAt - startedAt) / 1_000);
  const ours = (doneAt - listedAt) / 1_000;
  if (isLarge) {
    report.row('cold sync, first list to last commit', 's', ours, 60);
    return;
  }
  report.row('cold sync, first list to last commit', 's', ours);
  report.row('operator, processor time since its start', 's', operator.cpuSeconds());
  const bodies = await bareTransactions(consul.url);
  const bareAt = now();
  for (const some of [bodies.nodes, bodies.instances]) {
    await inParallel(some, 4, (body) => json(consul.url, '/v1/txn', { method: 'PUT', body }));
  }
  const bare = (now() - bareAt) / 1_000;
  report.row('the same content in bare transactions, 4 in flight', 's', bare);
  report.row('cold sync to bare transactions', '×', ours / bare, 1.3);
}

async function idle(): Promise<void> {
  for (let index = 0; index < watched; index += 1) {
    for (const name of [serviceOf(index), bareName(serviceOf(index))]) {
      const consumer = new Consumer();
      consumers.set(name, consumer);
      void consumer.follow(consul.url, name, ended.signal);
    }
  }
  await sleep(2_000);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 300; round += 1) {
    theirs.push(await changeBare(watchedPod(round)));
    await sleep(20 + 20 * Math.random());
    ours.push(await change(watchedPod(round)));
    await sleep(20 + 20 * Math.random());
  }
  distributions.push(
    { name: 'event → seen, idle', values: ours },
    { name: 'bare transaction → seen, idle', values: theirs },
  );
  report.row('event sent → seen by a blocking query, idle, p50', 'ms', percentile(ours, 0.5), 10);
  report.row('event sent → seen by a blocking query, idle, p99', 'ms', percentile(ours, 0.99), 50);
  report.row('bare transaction → seen by the same, p50', 'ms', percentile(theirs, 0.5));
  report.row('bare transaction → seen by the same, p99', 'ms', percentile(theirs, 0.99));
  report.row('p50 to bare transaction', '×', percentile(ours, 0.5) / percentile(theirs, 0.5), 2);
  report.row('p99 to bare transaction', '×', percentile(ours, 0.99) / percentile(theirs, 0.99), 2);
}

async function underLoad(seconds: number): Promise<void> {
  const seen: Promise<number>[] = [];
  const bare: Promise<number>[] = [];
  const begun = now();
  const cpu = { operator: operator.cpuSeconds(), consul: cpuSeconds(consulPid) };
  for (let made = 0; made < changesPerSecond * seconds; made += 1) {
    await sleep(Math.max(0, begun + (made * 1_000) / changesPerSecond - now()));
    // One in ten is waited for, beside half as many bare ones.
    if (consumers.size > 0 && made % 10 === 0) seen.push(change(watchedPod(made / 10)));
    else void toggle(otherPod(made));
    if (consumers.size > 0 && made % 20 === 0) bare.push(changeBare(watchedPod(made / 20)));
  }
  const values = await Promise.all(seen);
  if (values.length > 0) {
    report.row(`the same at ${changesPerSecond} changes/s, p50`, 'ms', percentile(values, 0.5));
    report.row(`the same at ${changesPerSecond} changes/s, p99`, 'ms', percentile(values, 0.99), 250);
    const bareValues = await Promise.all(bare);
    distributions.push(
      { name: `event → seen, at ${changesPerSecond} changes/s`, values },
      { name: 'bare transaction → seen, among them', values: bareValues },
    );
    report.row('bare transaction among them, p50', 'ms', percentile(bareValues, 0.5));
    report.row('bare transaction among them, p99', 'ms', percentile(bareValues, 0.99));
  }
  const cpuMs = (1_000 * (operator.cpuSeconds() - cpu.operator)) / (changesPerSecond * seconds);
  report.row('operator, processor time of a change', 'ms', cpuMs);
  const consulMs = (1_000 * (cpuSeconds(consulPid) - cpu.consul)) / (changesPerSecond * seconds);
  report.row('Consul, processor time of a change', 'ms', consulMs);
}

/** More than can be written one by one: what waits is written together. */
async function burst(perSecond: number, seconds: number): Promise<void> {
  const cpu = operator.cpuSeconds();
  const begun = now();
  for (let made = 0; made < perSecond * seconds; made += 1) {
    const due = begun + (made * 1_000) / perSecond - now();
    if (due > 1) await sleep(due);
    void toggle(otherPod(made));
  }
  const changes = perSecond * seconds;
  report.row(
    `${perSecond} changes/s for ${seconds} s: from the last one until nothing waits`,
    'ms',
    await untilIdle(operator),
  );
  report.row(
    'operator, processor time of one of these',
    'ms',
    (1_000 * (operator.cpuSeconds() - cpu)) / changes,
  );
}

async function atRest(seconds: number): Promise<void> {
  const transactions = async () => (await operator.metrics()).get('kube_registrar_txn_seconds_count') ?? 0;
  // What the load has left behind is written first.
  await untilIdle(operator);
  await sleep(3_000);
  const before = await transactions();
  const cpu = operator.cpuSeconds();
  await sleep(seconds * 1_000);
  report.row('operator, of one core, at rest', '%', (100 * (operator.cpuSeconds() - cpu)) / seconds);
  report.row(`transactions in ${seconds} s at rest`, '', (await transactions()) - before, 0);
  // Pods, Services, EndpointSlices and nodes: nothing of what is switched off.
  const series = [...(await operator.metrics()).keys()];
  const watched = series.filter((name) => name.startsWith('kube_registrar_reflector_lists_total{'));
  report.row('resources watched', '', watched.length, 4);
}

try {
  console.error(`${pods} pods of 9 KB on ${nodes} nodes, ${services} services`);
  await coldSync();
  if (!isLarge) await idle();
  await underLoad(10);
  await burst(1_000, 10);
  const incident = { report, kube, consul: consul.url, operator };
  await irrelevantUpdates(incident);
  if (!isLarge) {
    const ours = [...consumers].filter(([name]) => !name.startsWith(bareName('')));
    await driftRepair(incident, new Map(ours.slice(0, 10)));
  }
  await nodeLost(incident, nodes - 1);
  // In a large cluster with a full comparison in it.
  await atRest(isLarge ? 65 : 20);
  const { rss, peak } = operator.memory();
  report.row('longest stall of the event loop', 'ms', operator.longestStallMs, isLarge ? 50 : undefined);
  report.row('memory, RSS at the end', 'MB', rss, isLarge ? 300 : undefined);
  report.row('memory, RSS at its peak', 'MB', peak, isLarge ? 300 : undefined);
  await operator.stop();
  for (const { ms, collecting, at, ran } of operator.stalls().slice(0, 5)) {
    const gc = Math.round(100 * collecting);
    console.error(
      `  stall of ${Math.round(ms)} ms, ${at.toFixed(1)} s after the start, ${gc} % collection: ${ran}`,
    );
  }
  operator = await restart({ report }, startOperator);
} finally {
  ended.abort();
  await operator.stop();
  await agent.destroy();
  rmSync(scratch, { recursive: true, force: true });
}
if (plotFile !== undefined) {
  writeFileSync(plotFile, cumulative(`${pods} pods: from the event until a consumer sees it`, distributions));
}
report.print({ pods, nodes, services, node: process.version });
