/** The operator ends, or is killed, while everything is registered: what the next one does, and what consumers see. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { changesPerSecond, transactions, untilIdle } from './changes.ts';
import { json, now } from './json-request.ts';
import type { OperatorProcess } from './operator-process.ts';
import { atPace } from './pace.ts';
import type { Stage } from './stage.ts';

/** The operator starts anew; nothing changes. */
export async function restart(stage: Stage): Promise<OperatorProcess> {
  const { report } = stage;
  const begun = now();
  const operator = await stage.startOperator();
  await untilCompared(operator);
  report.row('restart with everything registered, start to nothing left to do', 's', (now() - begun) / 1_000);
  report.row('operator, processor time for it', 's', operator.cpuSeconds());
  report.row('transactions after the restart', '', await transactions(operator), 0);
  return operator;
}

/** Everything is known, and nothing waits. */
async function untilCompared(operator: OperatorProcess): Promise<void> {
  await eventually(
    async () => {
      const values = await operator.metrics();
      return (
        values.get('kube_registrar_leader') === 1 &&
        [...values].some(([name, value]) => name.startsWith('kube_registrar_instances{') && value > 0) &&
        values.get('kube_registrar_queue_depth') === 0
      );
    },
    { timeoutMs: 240_000, intervalMs: 50, what: 'everything was compared' },
  );
}

/** How each ends, and the signal's name. */
const ends = [
  { signal: 'SIGTERM', end: (operator: OperatorProcess) => operator.stop() },
  { signal: 'SIGKILL', end: (operator: OperatorProcess) => operator.kill() },
] as const;

/** The same while pods change, of other services than those that are counted. */
export async function restartUnderLoad(stage: Stage, running: OperatorProcess): Promise<OperatorProcess> {
  const { consul, pods, report } = stage;
  pods.follow(consul.url);
  await untilIdle(running);
  await sleep(2_000);
  const ended = new AbortController();
  const pace = { perSecond: changesPerSecond, signal: ended.signal };
  const load = atPace(pace, (made) => void pods.toggle(pods.otherPod(made)));
  let operator = running;
  try {
    for (const [turn, { signal, end }] of ends.entries()) {
      await sleep(2_000);
      const passing = pods.countPassing();
      const begun = now();
      await end(operator);
      const starting = stage.startOperator();
      const { seen } = await pods.seen(pods.movingPod(turn));
      operator = await starting;
      await sleep(5_000);
      const what = `${signal} and start at ${changesPerSecond} changes/s`;
      report.row(`${what}: until a change is seen again`, 's', (seen - begun) / 1_000);
      report.atLeast(
        `passing instances of unchanged pods meanwhile, the least`,
        '',
        pods.leastPassing,
        passing,
      );
    }
  } finally {
    ended.abort();
    await load;
  }
  await untilIdle(operator);
  return operator;
}

const leaseNamespace = 'default';
const leaseMs = 15_000;

/** Two replicas: the one that leads is killed, then the other is stopped, and each time the standby takes over. */
export async function handOver(stage: Stage): Promise<void> {
  const { consul, pods, report } = stage;
  pods.follow(consul.url);
  let started = 0;
  const replica = () => {
    started += 1;
    return stage.startOperator({
      KUBE_REGISTRAR_LEADER_ELECTION_ENABLED: 'true',
      KUBE_REGISTRAR_LEADER_ELECTION_NAMESPACE: leaseNamespace,
      POD_NAME: `replica-${started}`,
    });
  };
  let leader = await replica();
  await untilCompared(leader);
  for (const [turn, { signal, end }] of [...ends].reverse().entries()) {
    const standby = await replica();
    await standby.ready();
    await sleep(2_000);
    const passing = pods.countPassing();
    const begun = now();
    await end(leader);
    const ofLease = signal === 'SIGKILL' ? await leaseEnd(stage.kube.origin) : undefined;
    const { seen } = await pods.seen(pods.movingPod(10 + turn));
    await untilIdle(standby);
    await sleep(5_000);
    const what = `leader gets ${signal}, a standby takes over`;
    report.row(`${what}: until a change is seen again`, 's', (seen - begun) / 1_000);
    if (ofLease !== undefined) {
      report.row('of which after the end of the lease', 's', (seen - ofLease) / 1_000, 3);
    }
    report.row('transactions of the new leader, for one change', '', await transactions(standby));
    report.atLeast('passing instances of other pods meanwhile, the least', '', pods.leastPassing, passing);
    leader = standby;
  }
  await leader.stop();
}

/** When the lease ends unless it is renewed, as now(). */
async function leaseEnd(origin: string): Promise<number> {
  const target = `/apis/coordination.k8s.io/v1/namespaces/${leaseNamespace}/leases/kube-registrar`;
  const { value } = await json<{ readonly spec: { readonly renewTime: string } }>(origin, target);
  return now() + Date.parse(value.spec.renewTime) + leaseMs - Date.now();
}
