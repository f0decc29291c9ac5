import { consulNodeNameOf } from '../desired/node-entry.ts';
import type { ClusterStores } from '../kube/cluster-stores.ts';
import { ConsistentReads } from '../kube/consistent-reads.ts';
import { EventRecorder } from '../kube/events/event-recorder.ts';
import type { Metrics } from '../metrics/catalogue.ts';
import type { UnreadSource } from '../model/desired-node.ts';
import type { ClusterUid } from '../model/keys.ts';
import { resourceOfRoute } from '../model/route.ts';
import type { Subject } from '../plan/evidence.ts';
import type { DesiredNodes } from '../reconcile/desired-nodes.ts';
import { gateVerdicts } from '../reconcile/gate-verdict.ts';
import type { History } from '../reconcile/history.ts';
import { Guard } from '../reconcile/holds/guard.ts';
import { guardOptionsOf } from '../reconcile/holds/guard-options.ts';
import type { Tombstones } from '../reconcile/holds/tombstones.ts';
import { ObjectEvents } from '../reconcile/object-events.ts';
import { ReadinessGates } from '../reconcile/readiness-gate.ts';
import { Reconciler } from '../reconcile/reconciler.ts';
import type { Fence } from '../registry/fence.ts';
import type { ObservedState } from '../registry/observed-state.ts';
import type { ChangeWriter, Registry } from '../registry/registry.ts';
import type { Surroundings } from './parts.ts';

export interface WritingOptions extends Surroundings {
  readonly metrics: Metrics;
  readonly history: History;
  readonly registry: Registry;
  readonly stores: ClusterStores;
  readonly book: Tombstones;
  readonly desiredNodes: DesiredNodes;
  readonly owner: ClusterUid;
  readonly fence: Fence;
  /** Name of the pod this process is in: the reporting instance of Events. */
  readonly podName: string;
}

/** What writes to Consul while this process leads: the reconciler, its guard and its writer. */
export class Writing implements Disposable {
  readonly writer: ChangeWriter;
  readonly guard: Guard;
  readonly reconciler: Reconciler;
  readonly #recorder: EventRecorder;
  readonly #events: ObjectEvents;
  readonly #observed: ObservedState;
  readonly #gates: ReadinessGates;
  readonly #keepsAlive: boolean;

  constructor(options: WritingOptions) {
    const { config, clock, random, logger, metrics, registry, desiredNodes, stores } = options;
    const { observed } = registry;
    this.#keepsAlive = config.sync.policy !== 'dry-run';
    this.writer = registry.writer({
      fence: options.fence,
      onTransaction: ({ durationMs }) => metrics.txn.observe(durationMs / 1_000),
    });
    this.guard = new Guard({
      clock,
      random,
      logger,
      options: guardOptionsOf(config.guard),
      stores,
      observed,
      book: options.book,
      readsNodes: config.kubernetes.namespaces.length === 0,
      reads: new ConsistentReads({
        transport: options.kube,
        clock,
        view: stores,
        ...config.kubernetes,
        sources: config.sync.sources,
        onPresent: (subject) => stores.reflectors.doubt(resourceOf(subject)),
      }),
      nodeName: (kubeNode) => consulNodeNameOf(kubeNode, config.cluster.name),
      touch: (name) => this.reconciler.review(name),
      touchAfter: (name, ms) => this.reconciler.reviewAfter(name, ms),
    });
    this.#observed = observed;
    this.#recorder = new EventRecorder({
      kube: options.kube,
      clock,
      random,
      logger,
      reportingInstance: options.podName,
      onDropped: (because) => metrics.eventsDropped.inc({ because }),
    });
    this.#events = new ObjectEvents({
      clock,
      view: stores,
      annotationPrefix: `${config.annotationPrefix}/`,
      record: (event) => this.#recorder.record(event),
    });
    this.#gates = new ReadinessGates({
      kube: options.kube,
      clock,
      random,
      logger,
      pods: stores.pods,
      nodeName: (kubeNode) => consulNodeNameOf(kubeNode, config.cluster.name),
      judge: (name) => {
        if (config.sync.policy === 'dry-run') return () => 'dry-run';
        const known = observed.needsReading(name) ? undefined : observed.node(name);
        return gateVerdicts(desiredNodes.of(name), known);
      },
    });
    this.reconciler = new Reconciler({
      clock,
      random,
      logger,
      metrics,
      observed,
      writer: this.writer,
      owner: options.owner,
      policy: config.sync.policy,
      guard: this.guard,
      events: this.#events,
      history: options.history,
      desired: (name) => desiredNodes.of(name),
      onSettled: (name) => {
        this.#gates.settled(name);
        for (const old of desiredNodes.waitingFor(name)) this.reconciler.review(old);
      },
    });
  }

  /** Until the signal aborts and what was in flight has ended. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.reconciler.run(signal),
      this.guard.run(signal),
      this.#recorder.run(signal),
      this.#gates.run(signal),
      this.#keepsAlive ? this.writer.keepAlive?.(signal) : undefined,
      this.#events.repeat(this.reconciler, (name) => this.#observed.node(name), signal),
    ]);
  }

  [Symbol.dispose](): void {
    this.reconciler[Symbol.dispose]();
    this.guard[Symbol.dispose]();
    this.#gates[Symbol.dispose]();
  }
}

/** Where the subject of a consistent read is kept. */
function resourceOf(subject: Subject): UnreadSource['resource'] | 'nodes' {
  return subject.kind === 'route' ? resourceOfRoute(subject.route) : resources[subject.kind];
}

const resources = { pod: 'pods', service: 'services', endpoint: 'endpointslices', node: 'nodes' } as const;
