import type { Action } from '../script.ts';
import { addresses } from './addresses.ts';
import { consulFaults } from './consul-faults.ts';
import { consulState } from './consul-state.ts';
import { kubeFaults } from './kube-faults.ts';
import { namespaces } from './namespaces.ts';
import { outsider } from './outsider.ts';
import { processes } from './processes.ts';
import { routes } from './routes.ts';
import { workload } from './workload.ts';

export const actions = {
  ...workload,
  ...addresses,
  ...routes,
  ...processes,
  ...kubeFaults,
  ...consulFaults,
  ...consulState,
  ...namespaces,
  ...outsider,
} satisfies Record<string, Action>;

export type ActionName = keyof typeof actions;
