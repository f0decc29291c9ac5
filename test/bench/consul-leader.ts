import { setTimeout as sleep } from 'node:timers/promises';
import { registerTwins } from './bare.ts';
import { coldSync, untilIdle } from './changes.ts';
import { now } from './json-request.ts';
import { atPace } from './pace.ts';
import type { Report } from './report.ts';
import { type Shape, Stage } from './stage.ts';

interface Change {
  readonly sent: number;
  readonly seen: number;
}

const perSecond = 10;
const phaseMs = 10_000;
const settleMs = 1_000;

/** Three servers of Consul, of which the leader is killed: the one that the operator asks first. */
export async function consulLeaderKilled(report: Report, dir: string, shape: Shape): Promise<void> {
  await using stage = await Stage.start({ ...shape, report, dir, consulServers: 3 });
  const { consul, pods } = stage;
  const leader = await consul.leader();
  const [survivor, other] = consul.servers.filter((server) => server !== leader);
  const startedAt = now();
  const operator = await stage.startOperator({}, [leader, survivor!, other!]);
  console.error(`three servers of Consul, ${shape.pods} pods`);
  await coldSync(stage, operator, startedAt);
  await registerTwins(survivor!.url);
  pods.follow(survivor!.url);
  await sleep(2_000);
  const passing = pods.countPassing();

  const ours: Promise<Change>[] = [];
  const bare: Promise<Change>[] = [];
  const ended = new AbortController();
  const load = atPace({ perSecond: 2 * perSecond, signal: ended.signal }, (turn) => {
    const pod = pods.movingPod(Math.floor(turn / 2));
    const sent = now();
    if (turn % 2 === 0) ours.push(pods.seen(pod));
    else bare.push(pods.changeBare(pod).then((ms) => ({ sent, seen: sent + ms })));
  });
  await sleep(phaseMs);
  const killedAt = now();
  await leader.kill();
  await sleep(2 * phaseMs);
  ended.abort();
  await load;
  await untilIdle(operator);

  for (const [name, changes] of [
    ['event sent → seen', await Promise.all(ours)],
    ['bare transaction → seen', await Promise.all(bare)],
  ] as const) {
    const back = Math.min(...changes.filter(({ sent }) => sent > killedAt).map(({ seen }) => seen));
    const times = (from: number, to: number) =>
      changes.filter(({ sent }) => sent >= from && sent < to).map(({ sent, seen }) => seen - sent);
    // Those that were under way when it was killed are neither.
    report.times(`three servers, ${name}`, times(0, killedAt - settleMs));
    report.row(`leader killed: until a later ${name}`, 's', (back - killedAt) / 1_000);
    report.row('of those meanwhile, the longest', 's', Math.max(...times(killedAt, back)) / 1_000);
    report.times(`afterwards, ${name}`, times(back, Number.POSITIVE_INFINITY));
  }
  report.atLeast('passing instances of unchanged pods meanwhile, the least', '', pods.leastPassing, passing);
  report.row('memory, RSS', 'MB', operator.memory().rss);
}
