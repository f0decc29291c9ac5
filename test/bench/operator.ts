/**
 * The whole operator against the budgets: `npm run bench [pods] [nodes] [rows…] [plot.svg]`, default 5,000 on 50; with
 * 20,000 pods or more (`npm run bench 50000 500`) only what grows with their number. `rows` are names of `groups`
 * below, such as `npm run bench 1000 10 idle hand-over`. `STALLS=1` says what ran while the event loop stood still, and
 * makes the other figures a little worse.
 *
 * An API server, the operator as it is in the image, and a real Consul, each in a process of its own; this process
 * is the consumer that waits in blocking queries. The same consumer waits for bare transactions, one by one in
 * turn with the operator's, so that figures can be read as ratios of one run: absolute times depend on the machine.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { dataDir } from '../support/real/data-dir.ts';
import { bundle } from '../support/real/image.ts';
import { atRest, burst, coldSync, idle, twins, underLoad } from './changes.ts';
import { consulLeaderKilled } from './consul-leader.ts';
import { driftRepair, irrelevantUpdates, nodeLost } from './incidents.ts';
import { agent, now } from './json-request.ts';
import { MemoryWatch } from './memory.ts';
import type { OperatorProcess } from './operator-process.ts';
import { courseOfMemory, cumulative, type Distribution } from './plot.ts';
import { realChanges } from './real-changes.ts';
import type { Source } from './real-cluster.ts';
import { Report } from './report.ts';
import { handOver, restart, restartUnderLoad } from './restarts.ts';
import { Stage } from './stage.ts';
import { reportStalls } from './stall-report.ts';

/** Rows that can be asked for, and whether they are run in a large cluster unless they are named. */
const groups = {
  /** Everything is registered; always, but with its floor only when it is asked for. */
  cold: true,
  idle: false,
  /** 200 changes a second. */
  load: true,
  /** 1,000 changes a second. */
  burst: true,
  irrelevant: true,
  drift: false,
  'node-lost': true,
  rest: true,
  restart: true,
  'restart-load': true,
  'hand-over': false,
  /** Three servers of Consul, of which the leader is killed. */
  'consul-leader': false,
  /** A real API server, with annotated pods and with EndpointSlices. */
  'real-pods': false,
  'real-slices': false,
} as const;
type Group = keyof typeof groups;
/** Those with servers of their own. */
const apart: readonly Group[] = ['consul-leader', 'real-pods', 'real-slices'];

const args = process.argv.slice(2);
const [pods = 5_000, nodes = 50] = args.filter((arg) => /^\d+$/.test(arg)).map(Number);
const plotFile = args.find((arg) => arg.endsWith('.svg'));
const names = args.filter((arg) => !/^\d+$/.test(arg) && arg !== plotFile);
const unknown = names.filter((name) => !Object.hasOwn(groups, name));
if (unknown.length > 0) {
  console.error(`no rows ${unknown.join(', ')}; there are ${Object.keys(groups).join(', ')}`);
  process.exit(2);
}
const isLarge = pods >= 20_000;
const isAsked = (name: Group): boolean =>
  names.length === 0 ? !isLarge || groups[name] : names.includes(name);
const services = Math.min(200, Math.ceil(pods / 10));
/** Of the rows with servers of their own: more would take long to make. */
const small = { pods: Math.min(1_000, pods), nodes: Math.min(10, nodes) };

const report = new Report();
const dir = await dataDir('bench');

async function mainStage(): Promise<void> {
  await using stage = await Stage.start({ pods, nodes, services, report, dir });
  console.error(`${pods} pods of 9 KB on ${nodes} nodes, ${services} services`);
  const startedAt = now();
  let operator = await stage.startOperator();
  using memory = new MemoryWatch(operator);
  const begin = (name: Group): boolean => {
    if (isAsked(name)) memory.mark(name);
    return isAsked(name);
  };
  memory.mark('cold');
  const ours = await coldSync(stage, operator, startedAt);
  const hasTwins = isAsked('idle') || (!isLarge && (isAsked('cold') || isAsked('load')));
  if (hasTwins) await twins(stage, ours);
  if (begin('idle')) await idle(stage);
  if (begin('load')) await underLoad(stage, operator, hasTwins);
  if (begin('burst')) await burst(stage, operator);
  if (begin('irrelevant')) await irrelevantUpdates(stage, operator);
  if (begin('drift')) await driftRepair(stage);
  if (begin('node-lost')) await nodeLost(stage, operator);
  if (begin('rest')) await atRest(stage, operator);
  memory[Symbol.dispose]();
  await ended(operator);
  if (plotFile !== undefined) {
    const title = `${pods} pods: memory of the operator (RSS)`;
    writeFileSync(plotFile.replace(/\.svg$/, '-memory.svg'), courseOfMemory(title, memory));
  }
  if (isAsked('restart') || isAsked('restart-load')) {
    operator = await restart(stage);
    if (isAsked('restart-load')) operator = await restartUnderLoad(stage, operator);
    await operator.stop();
    reportStalls(report, operator);
  }
  if (isAsked('hand-over')) await handOver(stage);
  plot('', `${pods} pods: from the event until a consumer sees it`, stage.distributions);
}

async function realStage(source: Source): Promise<void> {
  const distributions = await realChanges(report, dir, source, small);
  const title = `A real API server, ${source}: from the patch of a pod's status until a consumer sees it`;
  plot(`-real-${source}`, title, distributions);
}

/** `suffix`: of the name, before .svg. */
function plot(suffix: string, title: string, distributions: readonly Distribution[]): void {
  if (plotFile === undefined || distributions.length === 0) return;
  writeFileSync(plotFile.replace(/\.svg$/, `${suffix}.svg`), cumulative(title, distributions));
}

/** What it has taken, and its end. */
async function ended(operator: OperatorProcess): Promise<void> {
  await operator.metrics();
  const { rss, peak } = operator.memory();
  report.row('longest stall of the event loop', 'ms', operator.longestStallMs, 50);
  const most = pods <= 1_000 ? 90 : pods <= 50_000 ? 200 : 300;
  report.row('memory, RSS at the end', 'MB', rss, most);
  report.row('memory, RSS at its peak', 'MB', peak);
  await operator.stop();
  reportStalls(report, operator);
}

try {
  await bundle();
  if ((Object.keys(groups) as Group[]).some((name) => isAsked(name) && !apart.includes(name)))
    await mainStage();
  if (isAsked('consul-leader'))
    await consulLeaderKilled(report, dir, { ...small, services: Math.ceil(small.pods / 10) });
  if (isAsked('real-pods')) await realStage('pods');
  if (isAsked('real-slices')) await realStage('slices');
} finally {
  await agent.destroy();
  rmSync(dir, { recursive: true, force: true });
}
report.print({ pods, nodes, services, node: process.version });
