/**
 * What happens to a cluster beside changes of pods: each a row or two of the report. Times are those of a consumer, or
 * until nothing waits in the operator's queue.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import type { Consumer } from './consumer.ts';
import { json, now } from './json-request.ts';
import type { Kube } from './kube.ts';
import type { OperatorProcess } from './operator-process.ts';
import { percentile, type Report } from './report.ts';

export interface Incident {
  readonly report: Report;
  readonly kube: Kube;
  readonly consul: string;
  readonly operator: OperatorProcess;
}

/** Until nothing waits; resolves with how long that took, ms. */
export async function untilIdle(operator: OperatorProcess, timeoutMs = 60_000): Promise<number> {
  const begun = now();
  const isIdle = async () => (await operator.metrics()).get('kube_registrar_queue_depth') === 0;
  await eventually(isIdle, { timeoutMs, intervalMs: 50, what: 'nothing waits' });
  return now() - begun;
}

const transactions = async (operator: OperatorProcess): Promise<number> =>
  (await operator.metrics()).get('kube_registrar_txn_seconds_count') ?? 0;

/** Changes of pods that nobody registers. */
export async function irrelevantUpdates({ report, kube, operator }: Incident): Promise<void> {
  const [perSecond, seconds] = [1_000, 10];
  await sleep(2_000);
  await untilIdle(operator);
  const [cpu, before] = [operator.cpuSeconds(), await transactions(operator)];
  await kube.flood(perSecond, seconds);
  await untilIdle(operator);
  const ms = (1_000 * (operator.cpuSeconds() - cpu)) / (perSecond * seconds);
  report.row(`processor time of an update of a pod that is not annotated, at ${perSecond}/s`, 'ms', ms);
  report.row('transactions for these updates', '', (await transactions(operator)) - before, 0);
}

/** Instances are deregistered externally, one at a time, of the services that have consumers, each on another node. */
export async function driftRepair(
  { report, consul }: Incident,
  consumers: ReadonlyMap<string, Consumer>,
): Promise<void> {
  const times: number[] = [];
  for (const [service, consumer] of consumers) {
    const { value } = await json<
      {
        readonly Node: { Node: string };
        readonly Service: { ID: string; Address: string };
        readonly Checks: readonly { Status: string }[];
      }[]
    >(consul, `/v1/health/service/${service}`);
    const whole = value.filter(({ Checks }) => Checks.every(({ Status }) => Status === 'passing'));
    const { Node, Service } = whole[0]!;
    const body = JSON.stringify({ Node: Node.Node, ServiceID: Service.ID });
    const at = now();
    await json(consul, '/v1/catalog/deregister', { method: 'PUT', body });
    times.push((await consumer.see(Service.Address, 'passing')) - at);
    // What changes all the time is read less often.
    await sleep(4_000);
  }
  report.row('instance deregistered externally → seen again, p50', 'ms', percentile(times, 0.5));
  report.row('instance deregistered externally → seen again, longest', 'ms', Math.max(...times));
}

/** A kubelet is gone: its node and its pods are not ready. */
export async function nodeLost({ report, kube, consul, operator }: Incident, node: number): Promise<void> {
  interface NodeCheck {
    readonly Node: string;
    readonly CheckID: string;
    readonly Status: string;
  }
  const { value: nodes } = await json<{ readonly Node: string }[]>(
    consul,
    '/v1/catalog/nodes?node-meta=managed-by:kube-registrar',
  );
  const name = nodes.find(({ Node }) => Node.endsWith(`-node-${node}`))!.Node;
  const cpu = operator.cpuSeconds();
  const lostAt = await kube.lose(node);
  let index = 0;
  for (;;) {
    const answer = await json<NodeCheck[]>(consul, `/v1/health/node/${name}?index=${index}&wait=30s`);
    index = answer.index;
    if (answer.value.find(({ CheckID }) => CheckID === 'kubernetes-node')?.Status === 'critical') break;
  }
  report.row('node lost → critical for consumers (of which guard.settle is 1,000)', 'ms', now() - lostAt);
  await untilIdle(operator);
  report.row('operator, processor time for it', 'ms', 1_000 * (operator.cpuSeconds() - cpu));
}

/** The operator starts anew; everything is registered. `start` is to resolve with the new process. */
export async function restart(
  { report }: Pick<Incident, 'report'>,
  start: () => Promise<OperatorProcess>,
): Promise<OperatorProcess> {
  const begun = now();
  const operator = await start();
  await eventually(
    async () => {
      const values = await operator.metrics();
      return (
        values.get('kube_registrar_leader') === 1 &&
        [...values].some(([name, value]) => name.startsWith('kube_registrar_instances{') && value > 0) &&
        values.get('kube_registrar_queue_depth') === 0
      );
    },
    { timeoutMs: 120_000, intervalMs: 50, what: 'everything was compared' },
  );
  report.row('restart with everything registered, start to nothing left to do', 's', (now() - begun) / 1_000);
  report.row('operator, processor time for it', 's', operator.cpuSeconds());
  report.row('transactions after the restart', '', await transactions(operator), 0);
  return operator;
}
