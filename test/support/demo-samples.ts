import type { Progress } from '../../src/cli/demo/progress.ts';
import type { InstanceView } from '../../src/cli/demo/service-view.ts';
import type { StepResult } from '../../src/cli/demo/step.ts';

/** What the pictures of the demo are drawn from in tests. */
export const instanceView = (pod: string, changes: Partial<InstanceView> = {}): InstanceView => ({
  service: 'web',
  id: `shop.${pod}.uid.web`,
  pod,
  podUid: `uid-${pod}`,
  node: 'node-1',
  address: '10.128.0.1:8080',
  tags: ['v1'],
  status: 'passing',
  reason: '',
  ...changes,
});

export const stepResult = (changes: Partial<StepResult> = {}): StepResult => ({
  id: 'pods-come-up',
  title: 'Pods come up',
  outcome: 'reached',
  tookMs: 812,
  measures: 'propagation',
  latenciesMs: [2.1, 3.4, 12],
  finding: '3 instances, 9 operations',
  expectations: [{ text: 'web: 3 of 3 passing (3 of 3 now)', met: true }],
  ...changes,
});

export const progress: Progress = {
  consul: 'in memory',
  elapsedMs: 12_345,
  steps: 4,
  current: {
    number: 3,
    step: {
      title: 'A readiness probe fails',
      explain:
        'The pod stays registered and turns critical, with the reason as the output of its check, which DNS follows.',
    },
    expectations: [
      { text: 'web: 1 of 2 passing (1 of 2 now)', met: true },
      { text: 'one critical', met: false },
    ],
    result: undefined,
  },
  results: [
    stepResult({ title: 'The operator starts', latenciesMs: [], finding: 'no write' }),
    stepResult({ title: 'Pods come up' }),
  ],
  services: [
    {
      service: 'web',
      view: [
        instanceView('web-1'),
        instanceView('web-2', {
          status: 'critical',
          reason: 'ContainersNotReady: containers with unready status: [web]',
          node: 'node-2',
          tags: [],
        }),
      ],
    },
    { service: 'search', view: [] },
  ],
  load: '',
  log: [
    '16:00:00.000 INFO  started reason=Started version=0.1.0',
    '16:00:01.000 INFO  shop/web-2 (web) is critical: ContainersNotReady reason=Health pod=shop/web-2 service=web node=demo-node-2 status=critical',
  ],
};
