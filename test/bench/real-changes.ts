import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { startConsul } from '../support/real/consul.ts';
import { registerTwins } from './bare.ts';
import { registered } from './changes.ts';
import { OperatorProcess } from './operator-process.ts';
import type { Distribution } from './plot.ts';
import { RealCluster, type Source } from './real-cluster.ts';
import { percentile, type Report } from './report.ts';
import { Pods, type Shape } from './stage.ts';
import { reportStalls } from './stall-report.ts';

const services = 20;
const rounds = 200;
/** Slower than this is an outlier, ms. */
const slowMs = 50;

/** Pods of a real API server that change their readiness, beside the floor: a bare watch, a bare transaction. */
export async function realChanges(
  report: Report,
  dir: string,
  source: Source,
  size: Pick<Shape, 'pods' | 'nodes'>,
): Promise<readonly Distribution[]> {
  const shape = { ...size, services };
  await using started = new AsyncDisposableStack();
  const consul = started.use(await startConsul());
  const cluster = started.use(await RealCluster.start(shape, source));
  const operator = await OperatorProcess.start({
    kubeconfig: await cluster.kubeconfig(),
    consul: [consul.url],
    dir,
  });
  started.defer(() => operator.stop());
  const what = source === 'pods' ? 'annotated pods' : 'EndpointSlices';
  console.error(`a real API server, ${shape.pods} pods, ${what}`);
  await eventually(async () => registered(await operator.metrics()) >= shape.pods, {
    timeoutMs: 120_000,
    what: 'everything is registered',
  });
  await registerTwins(consul.url);
  const pods = new Pods(shape, cluster);
  started.defer(() => pods.end());
  pods.follow(consul.url);
  await sleep(3_000);
  const [all, watch, rest, bare]: number[][] = [[], [], [], []];
  for (let round = 0; round < rounds; round += 1) {
    bare!.push(await pods.changeBare(pods.watchedPod(round)));
    await sleep(20 + 20 * Math.random());
    const { sent, seen } = await pods.seen(pods.watchedPod(round));
    const heard = await cluster.heard;
    all!.push(seen - sent);
    watch!.push(heard - sent);
    rest!.push(seen - heard);
    await sleep(20 + 20 * Math.random());
  }
  const name = `real API server, ${what}`;
  report.times(`${name}: patch of the status sent → seen`, all!);
  report.row('the longest', 'ms', Math.max(...all!));
  report.row(`of ${rounds}, longer than ${slowMs} ms`, '', all!.filter((ms) => ms > slowMs).length);
  report.times('of which until a bare watch has the event', watch!);
  report.times('and from then on', rest!);
  report.times('bare transaction → seen', bare!);
  const floor = (share: number) => percentile(watch!, share) + percentile(bare!, share);
  report.row('p50 to a bare watch and transaction', '×', percentile(all!, 0.5) / floor(0.5), 1.5);
  report.row('p99 to a bare watch and transaction', '×', percentile(all!, 0.99) / floor(0.99), 1.5);
  report.row('memory, RSS', 'MB', operator.memory().rss, 90);
  await operator.stop();
  reportStalls(report, operator);
  return [
    { name: 'patch → seen', values: all! },
    { name: 'patch → event at a bare watch', values: watch! },
    { name: 'bare transaction → seen', values: bare! },
  ];
}
