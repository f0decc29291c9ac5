import { passingOf } from './service-view.ts';
import type { Step } from './step.ts';
import { deploymentOf, type LoadSize } from './workloads.ts';

/** The step that brings up what runs beside the scenario from then on. */
export const loadStep = ({ services, pods }: LoadSize): Step => ({
  id: 'load',
  title: `${pods} more pods of ${services} service${services === 1 ? '' : 's'} come up`,
  explain:
    'They run beside everything that follows. The steps after this one are about the first two services.',
  measures: 'propagation',
  deadlineMs: 15_000 + 20 * pods,
  act: (stage) => {
    stage.addLoadNodes();
    for (const workload of stage.load) stage.cluster.create(deploymentOf(workload, 'v1'), 'deployments.apps');
  },
  expect: (stage) => [
    {
      text: stage.loadText,
      met: stage.load.every((workload) => passingOf(stage.view(workload)) === workload.replicas),
    },
  ],
  finding: (stage, before) =>
    `${pods} instances, ${stage.writes.operations - before.writes.operations} operations`,
});
