/**
 * What happens to a cluster beside changes of pods: each a row or two of the report. Times are those of a consumer, or
 * until nothing waits in the operator's queue.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { bareName } from './bare.ts';
import { transactions, untilIdle } from './changes.ts';
import { json, now } from './json-request.ts';
import type { OperatorProcess } from './operator-process.ts';
import { percentile } from './report.ts';
import type { Stage } from './stage.ts';

/** Changes of pods that nobody registers. */
export async function irrelevantUpdates({ report, kube }: Stage, operator: OperatorProcess): Promise<void> {
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
export async function driftRepair({ report, consul, pods }: Stage): Promise<void> {
  pods.follow(consul.url);
  const times: number[] = [];
  const own = [...pods.consumers].filter(([name]) => !name.startsWith(bareName('')));
  for (const [service, consumer] of own.slice(0, 10)) {
    const { value } = await json<
      {
        readonly Node: { Node: string };
        readonly Service: { ID: string; Address: string };
        readonly Checks: readonly { Status: string }[];
      }[]
    >(consul.url, `/v1/health/service/${service}`);
    const whole = value.filter(({ Checks }) => Checks.every(({ Status }) => Status === 'passing'));
    const { Node, Service } = whole[0]!;
    const body = JSON.stringify({ Node: Node.Node, ServiceID: Service.ID });
    const at = now();
    await json(consul.url, '/v1/catalog/deregister', { method: 'PUT', body });
    times.push((await consumer.see(Service.Address, 'passing')) - at);
    // What changes all the time is read less often.
    await sleep(4_000);
  }
  report.row('instance deregistered externally → seen again, p50', 'ms', percentile(times, 0.5));
  report.row('instance deregistered externally → seen again, longest', 'ms', Math.max(...times));
}

/** A kubelet is gone: its node and its pods are not ready. */
export async function nodeLost(
  { report, kube, consul, shape }: Stage,
  operator: OperatorProcess,
): Promise<void> {
  const node = shape.nodes - 1;
  interface NodeCheck {
    readonly Node: string;
    readonly CheckID: string;
    readonly Status: string;
  }
  const { value: nodes } = await json<{ readonly Node: string }[]>(
    consul.url,
    '/v1/catalog/nodes?node-meta=managed-by:kube-registrar',
  );
  const name = nodes.find(({ Node }) => Node.endsWith(`-node-${node}`))!.Node;
  const untilCheckIs = async (status: string) => {
    for (let index = 0; ; ) {
      const answer = await json<NodeCheck[]>(consul.url, `/v1/health/node/${name}?index=${index}&wait=30s`);
      index = answer.index;
      if (answer.value.find(({ CheckID }) => CheckID === 'kubernetes-node')?.Status === status) return;
    }
  };
  const cpu = operator.cpuSeconds();
  const lostAt = await kube.lose(node);
  await untilCheckIs('critical');
  report.row('node lost → critical for consumers (of which guard.settle is 1,000)', 'ms', now() - lostAt);
  await untilIdle(operator);
  report.row('operator, processor time for it', 'ms', 1_000 * (operator.cpuSeconds() - cpu));
  await kube.bringBack(node);
  await untilCheckIs('passing');
  await untilIdle(operator);
}
