import type { Scenario } from './scenarios.ts';

/** What the operator does not bear yet, each with the reason. Run as `todo`; to be emptied. */
export const pending: readonly (Scenario & { readonly reason: string })[] = [
  {
    row: 'etcd restored from a backup while the API server is away',
    reason:
      'when the new history has come as far as the old one before a watch is resumed, versions alone cannot tell' +
      ' them apart: a watch that could not be resumed at once has to list again',
    actions: ['kube-restore-away'],
    lasts: [5_000, 30_000],
  },
];
