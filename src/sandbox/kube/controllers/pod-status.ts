import { type Condition, conditionOf, type Pod } from './shapes.ts';

/** What the readiness probes of a pod's containers say. */
export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly reason?: string; readonly message?: string };

/** The conditions a kubelet writes, with its words. */
export function podConditions(pod: Pod, containers: Readiness, ended: boolean): Condition[] {
  const names = pod.spec.containers.map(({ name }) => name).join(' ');
  const unready = ended
    ? { status: 'False', reason: 'PodCompleted' }
    : {
        status: 'False',
        reason: (containers.ready ? undefined : containers.reason) ?? 'ContainersNotReady',
        message:
          (containers.ready ? undefined : containers.message) ?? `containers with unready status: [${names}]`,
      };
  const containersReady: Condition = {
    type: 'ContainersReady',
    ...(containers.ready ? { status: 'True' } : unready),
  };
  const gates = missingGates(pod);
  const ready: Condition =
    containers.ready && gates.length > 0
      ? { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: gates.join(', ') }
      : { ...containersReady, type: 'Ready' };
  return [
    { type: 'Initialized', status: 'True' },
    { type: 'PodScheduled', status: 'True' },
    containersReady,
    ready,
  ];
}

function missingGates(pod: Pod): string[] {
  const messages: string[] = [];
  for (const { conditionType } of pod.spec.readinessGates ?? []) {
    const condition = conditionOf(pod, conditionType);
    const subject = `corresponding condition of pod readiness gate "${conditionType}"`;
    if (condition === undefined) messages.push(`${subject} does not exist.`);
    else if (condition.status !== 'True')
      messages.push(
        `the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`,
      );
  }
  return messages;
}

export function containerStatuses(pod: Pod, ready: boolean, ended: boolean, time: string): unknown[] {
  const startedAt = pod.status['startTime'] ?? time;
  const state = ended
    ? { terminated: { exitCode: 0, reason: 'Completed', startedAt, finishedAt: time } }
    : { running: { startedAt } };
  return pod.spec.containers.map(({ name, image }) => ({
    name,
    image,
    imageID: image,
    ready,
    started: !ended,
    restartCount: 0,
    state,
    lastState: {},
  }));
}
