import type { ReflectorStatus } from '../kube/reflector/reflector-state.ts';
import type { Clock } from '../lib/clock.ts';
import type { Metrics } from '../metrics/catalogue.ts';
import type { UnreadSource } from '../model/desired-node.ts';
import { entryNoun } from '../model/entry-ref.ts';
import { type Problem, problemReasons } from '../model/problem.ts';
import { type Finding, type Held, isWaiting } from '../plan/finding.ts';
import type { LedgerLine } from './ledger.ts';
import { NamedServices, type StatusCounts } from './service-counts.ts';

/** Where the metrics that are read at each scrape come from. */
export interface MetricSources {
  readonly clock: Clock;
  readonly leadership: {
    readonly isLeading: boolean;
    readonly isFenced: boolean;
    readonly transitions: number;
  };
  readonly isConsulUp: () => boolean;
  readonly reflectors: () => readonly ReflectorStatus[];
  readonly services: () => Promise<ReadonlyMap<string, StatusCounts>>;
  readonly queue: () => { readonly depth: number; readonly oldestMs: number } | undefined;
  readonly problems: () => Iterable<LedgerLine<Problem>>;
  readonly findings: () => Iterable<LedgerLine<Finding>>;
}

const states = ['idle', 'listing', 'watching', 'waiting', 'refused', 'not-installed', 'stopped'] as const;
type StateLabel = (typeof states)[number];

/** Who holds what: the series that there are. */
const heldLabels = [
  ['policy', 'removal'],
  ['policy', 'write'],
  ['guard', 'removal'],
  ['guard', 'health'],
  ['consul', 'removal'],
  ['consul', 'write'],
  ['conflict', 'write'],
] as const;

/** As many get series of their own. */
const mostServices = 1_000;

export function exportMetrics(metrics: Metrics, sources: MetricSources): void {
  const { clock, leadership, reflectors, services, queue, problems, findings } = sources;
  const each = (value: (status: ReflectorStatus) => number) => () =>
    reflectors().map((status) => ({ labels: labelsOf(status), value: value(status) }));
  metrics.reflectorLists.collect(each(({ lists }) => lists));
  metrics.reflectorRelists.collect(each(({ relists }) => relists));
  metrics.reflectorIdleAborts.collect(each(({ idleAborts }) => idleAborts));
  metrics.storeObjects.collect(each(({ objects }) => objects));
  metrics.reflectorFailing.collect(
    each(({ lastError, notInstalled }) => (lastError === undefined || notInstalled ? 0 : 1)),
  );
  metrics.reflectorLastEventAge.collect(
    each(({ lastHeardAt }) => (lastHeardAt === undefined ? 0 : (clock.now() - lastHeardAt) / 1_000)),
  );
  metrics.reflectorState.collect(() =>
    reflectors().flatMap((status) =>
      states.map((state) => ({
        labels: { ...labelsOf(status), state },
        value: state === stateLabel(status) ? 1 : 0,
      })),
    ),
  );
  const gauge = (value: () => number) => () => [{ labels: {}, value: value() }];
  metrics.leader.collect(gauge(() => Number(leadership.isLeading)));
  metrics.consulUp.collect(gauge(() => Number(sources.isConsulUp())));
  metrics.fenced.collect(gauge(() => Number(leadership.isFenced)));
  metrics.leaseTransitions.collect(gauge(() => leadership.transitions));
  metrics.queueDepth.collect(() => [{ labels: {}, value: queue()?.depth ?? 0 }]);
  metrics.queueOldest.collect(() => [{ labels: {}, value: (queue()?.oldestMs ?? 0) / 1_000 }]);
  metrics.problems.collect(() => {
    const counts = new Map<Problem['reason'], number>(problemReasons.map((reason) => [reason, 0]));
    for (const { item } of problems()) counts.set(item.reason, (counts.get(item.reason) ?? 0) + 1);
    return [...counts].map(([reason, value]) => ({ labels: { reason }, value }));
  });
  const held = function* (): Iterable<Held> {
    for (const { item } of findings()) if (item.kind === 'held') yield item;
  };
  metrics.contended.collect(() => {
    const counts = { node: 0, instance: 0, check: 0 };
    for (const { by, at } of held()) if (by === 'conflict') counts[entryNoun(at)] += 1;
    return (['node', 'instance', 'check'] as const).map((entry) => ({
      labels: { entry },
      value: counts[entry],
    }));
  });
  metrics.held.collect(() => {
    const all = [...held()].filter(isWaiting);
    return heldLabels.map(([by, kind]) => ({
      labels: { by, kind },
      value: all.filter((each) => each.by === by && each.what === kind).length,
    }));
  });
  metrics.heldFor.collect(() => {
    const seconds = { removal: 0, health: 0, write: 0 };
    for (const { by, what, until } of held()) {
      if (by !== 'guard') continue;
      const left = until === undefined ? Number.POSITIVE_INFINITY : (until - clock.wall()) / 1_000;
      seconds[what] = Math.max(seconds[what], left);
    }
    return (['removal', 'health'] as const).map((kind) => ({ labels: { kind }, value: seconds[kind] }));
  });
  const named = new NamedServices(mostServices);
  metrics.instances.collect(async () =>
    [...named.of(await services())].flatMap(([service, counts]) =>
      (['passing', 'warning', 'critical'] as const).map((status) => ({
        labels: { service, status },
        value: counts[status],
      })),
    ),
  );
}

function labelsOf({ resource, namespace }: ReflectorStatus) {
  return { resource: resource as UnreadSource['resource'] | 'nodes', namespace };
}

/** A watch that is asked for counts as watching: it is the same to whoever waits for events. */
export function stateLabel({ state, refused, notInstalled }: ReflectorStatus): StateLabel {
  if (notInstalled && state.kind !== 'stopped') return 'not-installed';
  if (refused && state.kind !== 'stopped') return 'refused';
  return state.kind === 'opening' ? 'watching' : state.kind;
}
