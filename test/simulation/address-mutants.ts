import type { Mutant } from './mutants.ts';

/** Of what Services are reached by. */
export const addressMutants: readonly Mutant[] = [
  {
    name: 'takes an address of a Service for healthy whatever its endpoints are',
    edits: [
      {
        file: 'src/desired/service-instances.ts',
        original: "return isUnknown ? unknownHealth : healthBehind(readiness, 'of the Service');",
        mutated: "return isUnknown ? unknownHealth : healthBehind('ready', 'of the Service');",
      },
    ],
    rows: ['what a Service is reached by changes'],
    invariants: ['gain', 'prompt', 'convergence'],
  },
  {
    name: 'lets the old address of a Service go before the new one is registered',
    edits: [
      {
        file: 'src/reconcile/desired-nodes.ts',
        original: 'if (!isTaken) kept.set(id, handover);',
        mutated: 'void isTaken;',
      },
    ],
    rows: ['what a Service is reached by changes'],
    invariants: ['gap', 'loss'],
  },
  {
    name: 'believes the loss of the status of many load balancers',
    edits: [
      {
        file: 'src/plan/evidence.ts',
        original: "return unexplained('unassigned', asking);",
        mutated: 'return withdrawn(asking, seen);',
      },
    ],
    rows: ['the status of many load balancers is lost'],
    invariants: ['hold'],
  },
];
