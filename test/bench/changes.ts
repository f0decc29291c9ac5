/** Pods that change their readiness: how soon a consumer sees that, and what it costs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { registerTwins } from './bare.ts';
import { now } from './json-request.ts';
import { cpuSeconds, type OperatorProcess } from './operator-process.ts';
import { atPace } from './pace.ts';
import { percentile } from './report.ts';
import type { Stage } from './stage.ts';

/** Of these rows and of a restart. */
export const changesPerSecond = 200;

/** How often a cold sync says how far it is, in milliseconds. */
const progressMs = 10_000;

/** Waits until everything is registered; `startedAt`: when the operator was started. */
export async function coldSync(
  { kube, report, shape }: Stage,
  operator: OperatorProcess,
  startedAt: number,
): Promise<number> {
  let saidAt = now();
  await eventually(
    async () => {
      const values = await operator.metrics();
      const count = registered(values);
      if (now() - saidAt > progressMs) {
        saidAt = now();
        const mb = Math.round(operator.memory().rss);
        console.error(`  ${count} registered after ${Math.round((saidAt - startedAt) / 1_000)} s, ${mb} MB`);
      }
      return count >= shape.pods && values.get('kube_registrar_queue_depth') === 0;
    },
    { timeoutMs: 400_000, intervalMs: shape.pods < 20_000 ? 100 : 500, what: 'everything is registered' },
  );
  const doneAt = now();
  const listedAt = await kube.listed;
  const seconds = (doneAt - listedAt) / 1_000;
  report.row('process start, until the first list', 's', (listedAt - startedAt) / 1_000);
  report.row('cold sync, first list to last commit', 's', seconds, shape.pods > 50_000 ? 40 : undefined);
  report.row('operator, processor time since its start', 's', operator.cpuSeconds());
  report.row('memory, RSS after the cold sync', 'MB', operator.memory().rss);
  return seconds;
}

export function registered(values: ReadonlyMap<string, number>): number {
  let count = 0;
  for (const [name, value] of values) if (name.startsWith('kube_registrar_instances{')) count += value;
  return count;
}

/** Everything once more in bare transactions; `ours`: how long the cold sync took, s. */
export async function twins({ consul, report }: Stage, ours: number): Promise<void> {
  const bare = await registerTwins(consul.url);
  report.row('the same content in bare transactions, 4 in flight', 's', bare);
  report.row('cold sync to bare transactions', '×', ours / bare, 1.2);
}

export async function idle({ consul, pods, report, distributions }: Stage): Promise<void> {
  pods.follow(consul.url);
  await sleep(2_000);
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < 300; round += 1) {
    bare.push(await pods.changeBare(pods.watchedPod(round)));
    await sleep(20 + 20 * Math.random());
    ours.push(await pods.change(pods.watchedPod(round)));
    await sleep(20 + 20 * Math.random());
  }
  distributions.push(
    { name: 'event → seen, idle', values: ours },
    { name: 'bare transaction → seen, idle', values: bare },
  );
  report.times('event sent → seen by a blocking query, idle', ours, 10, 50);
  report.times('bare transaction → seen by the same', bare);
  report.row('p50 to bare transaction', '×', percentile(ours, 0.5) / percentile(bare, 0.5), 1.5);
  report.row('p99 to bare transaction', '×', percentile(ours, 0.99) / percentile(bare, 0.99), 1.5);
}

/** `hasTwins`: some are waited for, beside bare ones. */
export async function underLoad(stage: Stage, operator: OperatorProcess, hasTwins: boolean): Promise<void> {
  const { consul, pods, report, shape, distributions } = stage;
  const seconds = 10;
  if (hasTwins) {
    pods.follow(consul.url);
    await sleep(2_000);
  }
  const seen: Promise<number>[] = [];
  const bare: Promise<number>[] = [];
  const consulPid = consul.servers[0]!.pid;
  const cpu = { operator: operator.cpuSeconds(), consul: cpuSeconds(consulPid) };
  const changes = changesPerSecond * seconds;
  await atPace({ perSecond: changesPerSecond, times: changes }, (made) => {
    // One in ten is waited for, beside half as many bare ones.
    if (hasTwins && made % 10 === 0) seen.push(pods.change(pods.watchedPod(made / 10)));
    else void pods.toggle(pods.otherPod(made));
    if (hasTwins && made % 20 === 0) bare.push(pods.changeBare(pods.watchedPod(made / 20)));
  });
  const values = await Promise.all(seen);
  const bareValues = await Promise.all(bare);
  if (hasTwins) {
    distributions.push(
      { name: `event → seen, at ${changesPerSecond} changes/s`, values },
      { name: 'bare transaction → seen, among them', values: bareValues },
    );
    report.times(`event sent → seen at ${changesPerSecond} changes/s`, values, undefined, 250);
    report.times('bare transaction among them', bareValues);
    const ratio = percentile(values, 0.99) / percentile(bareValues, 0.99);
    report.row('p99 to bare transaction among them', '×', ratio, 2);
  }
  const cpuMs = (1_000 * (operator.cpuSeconds() - cpu.operator)) / changes;
  report.row('operator, processor time of a change', 'ms', cpuMs, shape.pods < 20_000 ? 1 : 1.3);
  const consulMs = (1_000 * (cpuSeconds(consulPid) - cpu.consul)) / changes;
  report.row('Consul, processor time of a change', 'ms', consulMs);
}

/** More than can be written one by one: what waits is written together. */
export async function burst({ pods, report }: Stage, operator: OperatorProcess): Promise<void> {
  const [perSecond, seconds] = [1_000, 10];
  const changes = perSecond * seconds;
  const cpu = operator.cpuSeconds();
  await atPace({ perSecond, times: changes }, (made) => void pods.toggle(pods.otherPod(made)));
  const left = await untilIdle(operator);
  report.row(`${perSecond} changes/s for ${seconds} s: from the last one until nothing waits`, 'ms', left);
  const cpuMs = (1_000 * (operator.cpuSeconds() - cpu)) / changes;
  report.row('operator, processor time of one of these', 'ms', cpuMs);
}

/** Somewhat more than from one full comparison to the next. */
const comparisonMs = 66_000;

export async function atRest({ report, shape }: Stage, operator: OperatorProcess): Promise<void> {
  const isLarge = shape.pods >= 20_000;
  await untilIdle(operator);
  const shareOfCore = async (ms: number): Promise<number> => {
    const cpu = operator.cpuSeconds();
    await sleep(ms);
    return (100_000 * (operator.cpuSeconds() - cpu)) / ms;
  };
  if (isLarge) {
    // Nodes are read again because of the last changes. Then everything is compared once, perhaps after a comparison
    // that fell among the changes. From then on a comparison is a look at two indexes.
    const afterChanges = await shareOfCore(2 * comparisonMs);
    report.row('operator, of one core, in the two minutes after changes', '%', afterChanges);
  } else await sleep(3_000);
  const before = await transactions(operator);
  report.row('operator, of one core, at rest', '%', await shareOfCore(isLarge ? comparisonMs : 20_000), 3);
  report.row('transactions meanwhile', '', (await transactions(operator)) - before, 0);
  // Pods, Services, EndpointSlices and nodes: nothing of what is switched off.
  const series = [...(await operator.metrics()).keys()];
  const watched = series.filter((name) => name.startsWith('kube_registrar_reflector_lists_total{'));
  report.row('resources watched', '', watched.length, 4);
}

/** Until nothing waits; resolves with how long that took, ms. */
export async function untilIdle(operator: OperatorProcess, timeoutMs = 120_000): Promise<number> {
  const begun = now();
  const isIdle = async () => (await operator.metrics()).get('kube_registrar_queue_depth') === 0;
  await eventually(isIdle, { timeoutMs, intervalMs: 50, what: 'nothing waits' });
  return now() - begun;
}

export const transactions = async (operator: OperatorProcess): Promise<number> =>
  (await operator.metrics()).get('kube_registrar_txn_seconds_count') ?? 0;
