import type { Mutant } from './mutants.ts';

/** Of what Services are reached by, and of Ingresses and routes. */
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
  {
    name: 'calls a route healthy whatever its Gateway says of itself',
    edits: [
      {
        file: 'src/desired/entrances.ts',
        original: "if (gateway.programmed.status !== 'True')",
        mutated: "if (gateway.programmed.status === 'True' && gateway.accepted.status !== 'True')",
      },
    ],
    rows: ['Ingresses and routes come, change and go'],
    invariants: ['gain', 'prompt', 'convergence'],
  },
  {
    name: 'believes the loss of the status of many Ingresses and Gateways',
    edits: [
      {
        file: 'src/plan/evidence.ts',
        original: "? unexplained('unassigned', subject)",
        mutated: "? explained('withdrawn')",
      },
    ],
    rows: ['the status of many Ingresses or Gateways is lost'],
    invariants: ['hold'],
  },
  {
    name: 'looks for what was not installed no sooner than after an hour',
    edits: [
      {
        file: 'src/kube/reflector/reflector-backoff.ts',
        original: 'const slowRetryMs = 30_000;',
        mutated: 'const slowRetryMs = 3_600_000;',
      },
    ],
    rows: ['the Gateway API is not installed, or not any more'],
    invariants: ['convergence', 'memory', 'quiet'],
  },
  {
    name: 'believes that nothing is behind a Service while many nodes are cut off',
    edits: [
      {
        file: 'src/reconcile/holds/health-guard.ts',
        original: "if (originOf(instance.meta).reach === '' || !this.#areNodesInQuestion()) return false;",
        mutated: 'if (!this.#areNodesInQuestion() || held) return false;',
      },
    ],
    rows: ['mass NotReady (control plane cut off from the nodes)', 'what a Service is reached by changes'],
    invariants: ['hold'],
  },
];
