import { step, written } from './regressions.ts';
import { scriptOfScenarios } from './scenarios.ts';
import type { Script } from './script.ts';

/** What the operator does not bear yet. Run as `todo`; to be emptied. */
export interface Pending {
  readonly row: string;
  readonly reason: string;
  /** At least one of them fails. */
  readonly scripts: readonly Script[];
}

const fewSeeds = Array.from({ length: 30 }, (_, index) => index + 1);

export const pending: readonly Pending[] = [
  {
    row: 'etcd restored from a backup while the API server is away',
    reason:
      'when the new history has come as far as the old one before a watch is resumed, versions alone cannot tell' +
      ' them apart: a watch that could not be resumed at once has to list again',
    scripts: fewSeeds.map((seed) =>
      scriptOfScenarios(seed, [
        { row: 'etcd restored from a backup', actions: ['kube-restore-away'], lasts: [5_000, 30_000] },
      ]),
    ),
  },
  {
    row: 'a list that came short once and is never read again',
    reason:
      'the guard keeps what a second look finds present, but the store goes on without it, so that its health is' +
      ' not followed until the pod changes: a second look that finds it present has to make the reflector list again',
    scripts: [
      written('empty or shrunken LIST (RBAC lost, selector changed)', [
        step(0, 'pod-add-web', 0.5, 0.5),
        step(10_000, 'pod-flip', 0.5, 0),
        step(12_000, 'consul-down', 0, 0.3, 30_000),
        step(13_000, 'pod-flip', 0.5, 0),
        step(14_000, 'kube-shrunk-for-good', 0, 0, 5_000),
      ]),
    ],
  },
  {
    row: 'mass NotReady that is seen only after the API server was away',
    reason:
      'when pods are listed again seconds before the nodes, their readiness, taken by the node controller, is' +
      ' believed while the nodes still look Ready: it has to wait until the nodes are watched again',
    scripts: fewSeeds.map((seed) =>
      scriptOfScenarios(seed, [
        {
          row: 'mass NotReady (control plane cut off from the nodes)',
          actions: ['kube-blind', 'mass-not-ready-unseen'],
          lasts: [10_000, 60_000],
          pods: ['web', 'web', 'both', 'api', 'db', 'web'],
        },
      ]),
    ),
  },
];
