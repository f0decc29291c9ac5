import { counted } from '../lib/counted.ts';
import { roundedDuration } from '../lib/duration.ts';
import type { ConsulLine, Counts, KubernetesLine, LeadershipLine, QueueLine, SyncState } from './status.ts';

/** What the state is computed from. */
export interface SyncFacts {
  readonly waitingFor: readonly string[];
  readonly degraded: readonly string[];
  readonly leadership: LeadershipLine;
  readonly kubernetes: KubernetesLine;
  readonly consul: ConsulLine;
  readonly queue: QueueLine;
  readonly counts: Counts;
}

/** An event younger than this is on its way and no backlog, in milliseconds. */
const backlogMs = 1_000;

export function syncStateOf(facts: SyncFacts): SyncState {
  const statements = [...statementsOf(facts)];
  const warnings = facts.counts.warnings === 0 ? [] : [counted(facts.counts.warnings, 'warning')];
  const [first, ...rest] = statements;
  if (first === undefined) return { kind: 'in-sync', text: 'in sync', also: warnings };
  return { ...first, also: [...rest.map(({ text }) => text), ...warnings] };
}

type Statement = Omit<SyncState, 'also'>;

function* statementsOf(facts: SyncFacts): Iterable<Statement> {
  const { waitingFor, degraded, leadership, kubernetes, consul, queue, counts } = facts;
  if (waitingFor.length > 0) yield { kind: 'starting', text: 'not in sync yet' };
  if (kubernetes.up === false) yield { kind: 'kubernetes-down', text: outage('API server', kubernetes) };
  if (consul.up === false) yield { kind: 'consul-down', text: outage('Consul', consul) };
  if (leadership.state === 'standby') {
    const { holder } = leadership;
    // An identity starts with the name of the pod.
    if (holder === null) yield { kind: 'no-leader', text: 'no replica leads, nothing is written' };
    else yield { kind: 'standby', text: `standby, ${holder.replace(/_.*/, '')} leads` };
  }
  const backlog = backlogOf(queue);
  if (backlog !== undefined) yield { kind: 'catching-up', text: `catching up: ${backlog}` };
  const problems = counts.errors + degraded.length + (kubernetes.up === false ? 0 : counts.failing);
  if (problems > 0) yield { kind: 'problems', text: counted(problems, 'problem') };
  if (counts.held > 0) yield { kind: 'held', text: `${counts.held} held` };
}

function outage(what: string, { since, refused }: KubernetesLine | ConsulLine): string {
  const time = since === null ? '' : ` since ${since.replace('T', ' ').replace(/\.\d+Z/, ' UTC')}`;
  return `${what} ${refused ? 'refuses access' : 'unreachable'}${time}`;
}

/** Undefined while everything is answered at once. Looks of the background count while they lead to work. */
function backlogOf({ depth, busy, unanswered, unansweredMs }: QueueLine): string | undefined {
  if (unansweredMs >= backlogMs) return `${unanswered} waiting, oldest ${roundedDuration(unansweredMs)}`;
  return busy > 0 && depth + busy > unanswered ? `${depth + busy} waiting` : undefined;
}
