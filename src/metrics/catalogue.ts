import { type Labels, noopCounter, noopGauge, noopHistogram } from '../lib/metrics.ts';
import { problemReasons } from '../model/problem.ts';
import { routeResources } from '../model/route.ts';
import type { Definition, InstrumentOf } from './definition.ts';

/** All metrics of the operator, in base units, with labels that have few values. Node's default metrics are added. */

export const metricPrefix = 'kube_registrar_';

const reflector = {
  resource: ['pods', 'services', 'endpointslices', 'nodes', 'namespaces', ...routeResources],
  namespace: 'open',
} as const;

export const catalogue = {
  instances: {
    type: 'gauge',
    name: 'instances',
    help: 'Instances that this cluster owns in Consul, by service and status. At most 1,000 services have their own series; the rest are summed as service _other.',
    labels: { service: 'open', status: ['passing', 'warning', 'critical'] },
  },
  propagation: {
    type: 'histogram',
    name: 'propagation_seconds',
    help: 'Time from receiving a Kubernetes event to committing the resulting changes in Consul.',
    labels: {},
    buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  },
  txn: {
    type: 'histogram',
    name: 'txn_seconds',
    help: 'How long Consul took to answer a transaction.',
    labels: {},
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  operations: {
    type: 'counter',
    name: 'operations_total',
    help: 'Changes sent to Consul. refused: Consul rejected the content; failed: no answer, or a server error.',
    labels: {
      verb: [
        'put-node',
        'put-node-check',
        'put-instance',
        'put-check',
        'delete-check',
        'delete-instance',
        'delete-node',
      ],
      result: ['committed', 'refused', 'failed'],
    },
  },
  consulWakes: {
    type: 'counter',
    name: 'consul_wakes_total',
    help: 'Blocking queries of Consul that ended because something was written. nothing: by the operator itself, and nothing was read; reading: the nodes concerned were read.',
    labels: { led_to: ['reading', 'nothing'] },
  },
  drift: {
    type: 'counter',
    name: 'drift_total',
    help: 'Entries of this cluster in Consul that were removed (missing), edited (changed) or added (unexpected) by something else.',
    labels: { kind: ['missing', 'changed', 'unexpected'] },
  },
  contended: {
    type: 'gauge',
    name: 'contended_entries',
    help: 'Entries that something else keeps changing and that are therefore repaired at growing intervals.',
    labels: { entry: ['node', 'instance', 'check'] },
  },
  held: {
    type: 'gauge',
    name: 'held_operations',
    help: 'What is not written at the moment. by guard: instances that stay registered (removal) or keep their last status (health) until that is confirmed; policy: changes it does not allow; consul: changes that Consul refuses; conflict: entries that something else keeps changing.',
    labels: { by: ['policy', 'guard', 'consul', 'conflict'], kind: ['removal', 'health', 'write'] },
  },
  heldFor: {
    type: 'gauge',
    name: 'held_until_seconds',
    help: 'Seconds until the last hold of the guard ends by itself, if nothing changes: 0 when nothing is held, +Inf when that is not known (rights are missing, pinned by a person, guard.release: manual).',
    labels: { kind: ['removal', 'health'] },
  },
  removals: {
    type: 'counter',
    name: 'removals_total',
    help: 'Instances and nodes removed, by reason. node-gone, address-reused, kubelet-reported: what proved that their pods had ended; confirmed: nothing explained it, consistent reads agreed; none: a node without instances.',
    labels: {
      because: [
        'terminating',
        'finished',
        'replaced',
        'withdrawn',
        'service-deleted',
        'route-deleted',
        'gateway-deleted',
        'node-gone',
        'address-reused',
        'kubelet-reported',
        'confirmed',
        'released',
        'none',
      ],
    },
  },
  problems: {
    type: 'gauge',
    name: 'problems',
    help: 'Problems of objects at the moment, by reason: mistakes, warnings, and what Consul refuses.',
    labels: { reason: problemReasons },
  },
  eventsDropped: {
    type: 'counter',
    name: 'events_dropped_total',
    help: 'Kubernetes Events about pods and Services that were not written. limited: too many about one object; overflow: too many in total; forbidden: the permission is missing; failed: the API server did not accept it.',
    labels: { because: ['limited', 'overflow', 'forbidden', 'failed'] },
  },
  queueDepth: {
    type: 'gauge',
    name: 'queue_depth',
    help: 'Nodes waiting to be reconciled.',
    labels: {},
  },
  queueOldest: {
    type: 'gauge',
    name: 'queue_oldest_seconds',
    help: 'How long the oldest node in the queue has waited.',
    labels: {},
  },
  reflectorState: {
    type: 'gauge',
    name: 'reflector_state',
    help: '1 for the state a reflector is in, 0 for the others.',
    labels: {
      ...reflector,
      state: ['idle', 'listing', 'watching', 'waiting', 'refused', 'not-installed', 'stopped'],
    },
  },
  reflectorFailing: {
    type: 'gauge',
    name: 'reflector_failing',
    help: '1 while the last attempt of a reflector to list or watch failed.',
    labels: reflector,
  },
  reflectorLists: {
    type: 'counter',
    name: 'reflector_lists_total',
    help: 'Complete lists read.',
    labels: reflector,
  },
  reflectorRelists: {
    type: 'counter',
    name: 'reflector_relists_total',
    help: 'Complete lists read after the first.',
    labels: reflector,
  },
  reflectorIdleAborts: {
    type: 'counter',
    name: 'reflector_idle_aborts_total',
    help: 'Watches ended because no event and no bookmark arrived for too long.',
    labels: reflector,
  },
  reflectorLastEventAge: {
    type: 'gauge',
    name: 'reflector_last_event_age_seconds',
    help: 'Time since the last event, bookmark or page of a reflector.',
    labels: reflector,
  },
  storeObjects: {
    type: 'gauge',
    name: 'store_objects',
    help: 'Objects in the store of a reflector.',
    labels: reflector,
  },
  aclLogins: {
    type: 'counter',
    name: 'acl_logins_total',
    help: 'Logins to Consul for an ACL token.',
    labels: { result: ['ok', 'failed'] },
  },
  leader: {
    type: 'gauge',
    name: 'leader',
    help: '1 while this process is the leader, which writes; always 1 without leader election.',
    labels: {},
  },
  leaseTransitions: {
    type: 'gauge',
    name: 'lease_transitions',
    help: 'How often the lease has changed its holder, as last seen.',
    labels: {},
  },
  fenced: {
    type: 'gauge',
    name: 'writes_fenced',
    help: '1 while this process leads and Consul rejects writes of earlier leaders.',
    labels: {},
  },
  lastFullSync: {
    type: 'gauge',
    name: 'last_full_sync_timestamp_seconds',
    help: 'Unix time of the last full comparison of the desired state with Consul; 0 before the first.',
    labels: {},
  },
  consulUp: {
    type: 'gauge',
    name: 'consul_up',
    help: '1 while the last request to Consul was answered by a server with a leader.',
    labels: {},
  },
  buildInfo: {
    type: 'gauge',
    name: 'build_info',
    help: 'Always 1; the labels identify the build.',
    labels: { version: 'open', node_version: 'open' },
  },
} as const satisfies Readonly<Record<string, Definition>>;

/** All instruments, ready to use. */
export type Metrics = {
  readonly [K in keyof typeof catalogue]: InstrumentOf<(typeof catalogue)[K]>;
};

/** Makes all instruments, each by `make`. */
export function metricsFrom(make: (definition: Definition) => unknown): Metrics {
  // The only unchecked cast: `make` must return what InstrumentOf says.
  return Object.fromEntries(
    Object.entries(catalogue).map(([key, definition]) => [key, make(definition)]),
  ) as unknown as Metrics;
}

const noops = { counter: noopCounter, gauge: noopGauge, histogram: noopHistogram };

/** Instruments that count nothing. */
export const noopMetrics: Metrics = metricsFrom(({ type }) => noops[type]);

/** All combinations of label values, if every label has a closed set of values; otherwise none. */
export function closedLabels({ labels }: Definition): readonly Labels[] {
  let combinations: Labels[] = [{}];
  for (const [name, values] of Object.entries(labels)) {
    if (values === 'open') return [];
    combinations = combinations.flatMap((made) => values.map((value) => ({ ...made, [name]: value })));
  }
  return combinations;
}
