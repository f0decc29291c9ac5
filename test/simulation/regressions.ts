import type { ActionName } from './actions/actions.ts';
import type { Script, Step } from './script.ts';

interface Regression {
  readonly what: string;
  readonly script: Script;
}

/** Scripts that once failed, written out so that they stay what they were when the generator changes. */
export const regressions: readonly Regression[] = [
  {
    what: 'the meta key __proto__ was lost on the way back from Consul and written again at every comparison',
    script: written(
      'hostile or malformed annotations',
      [step(0, 'pod-add-db', 0.5, 0.5), step(10_000, 'annotate-hostile', 0.1, 0.5)],
      3_000,
    ),
  },
  {
    what: 'pods that were seen ending before a crash were held as unexplained after it',
    script: written(
      'deliberate scale-down, rollout, namespace deletion',
      [
        ...[0.1, 0.3, 0.5, 0.6, 0.7, 0.9].map((x) => step(0, 'pod-add-both', x, 0.2)),
        step(9_000, 'namespace-delete', 0, 0),
        step(10_000, 'crash', 0, 0, 20_000),
      ],
      5_000,
    ),
  },
  {
    what: 'a pod seen ending before an etcd was restored was removed by a leader whose own list was still old',
    script: {
      ...written('etcd restored from a backup', [
        step(0, 'pod-add', 0.3, 0.668, 2_442),
        step(0, 'pod-add', 0.205, 0.296, 1_034),
        step(2_929, 'kube-restore-away', 0.418, 0.839, 20_200),
        step(5_153, 'restart-half-blind', 0.726, 0.3, 5_185),
        step(11_953, 'pod-finish', 0.149, 0.347, 3_229),
        step(15_459, 'pod-delete', 0.028, 0.611, 1_521),
        step(20_319, 'restart-half-blind', 0.165, 0.182, 19_848),
      ]),
      seed: 461,
      traits: { latencyMs: 200, replicas: 2 },
    },
  },
  {
    what: 'an EndpointSlice told of the loss of all nodes before the nodes did, and was believed',
    script: {
      ...written('mass NotReady (control plane cut off from the nodes)', [
        step(0, 'pod-add-web', 0.651, 0.948),
        step(0, 'pod-add-web', 0.024, 0.947),
        step(0, 'pod-add', 0.508, 0.977),
        step(14_728, 'service-put', 0.598, 0.184),
        step(18_606, 'mass-not-ready', 0.047, 0.264, 24_437),
      ]),
      seed: 5_523,
      traits: { latencyMs: 5, watchList: false, replicas: 2 },
    },
  },
  {
    what: 'an instance kept while too many nodes were lost was taken out when somebody removed its check',
    script: written('mass NotReady (control plane cut off from the nodes)', [
      step(0, 'pod-add-web', 0.418, 0.598, 304),
      step(0, 'pod-add', 0.111, 0.214, 2_553),
      step(0, 'pod-add', 0.61, 0.329, 2_657),
      step(0, 'pod-add', 0.807, 0.321, 1_336),
      step(9_471, 'mass-not-ready', 0.661, 0.482, 23_237),
      step(15_996, 'drift-remove-check', 0.945, 0.896, 4_587),
    ]),
  },
  {
    what: 'the lists of a server whose etcd was restored while it was away were never asked for',
    script: written('etcd restored from a backup', [
      step(0, 'pod-add-web', 0.5, 0.5),
      step(10_000, 'kube-restore-away', 0, 0, 10_000),
      step(15_000, 'pod-flip', 0.5, 0),
    ]),
  },
  {
    what: 'a node was made for endpoints whose annotations are wrong, with nothing on it',
    script: written('hostile or malformed annotations', [step(1_000, 'service-put', 0.982, 0.739)], 3_000),
  },
  {
    what: 'a pod that a list did not show went by a read that was older than the list',
    script: {
      ...written('empty or shrunken LIST (RBAC lost, selector changed)', [
        step(0, 'pod-add', 0.867, 0.487, 1_587),
        step(0, 'pod-add', 0.437, 0.185, 3_673),
        step(0, 'pod-add', 0.586, 0.375, 7_902),
        step(4_529, 'annotate', 0.867, 0.101, 4_573),
        step(9_165, 'pod-add', 0.516, 0.518, 2_399),
        step(10_140, 'pod-force-delete', 0.222, 0.267, 5_999),
        step(10_369, 'kube-shrunk', 0.753, 0.777, 6_332),
        step(18_354, 'mend', 0.467, 0.805, 7_328),
        step(21_483, 'kube-shrunk', 0.702, 0.763, 14_685),
      ]),
      seed: 1_712,
      traits: { latencyMs: 0, watchList: true },
    },
  },
  {
    what: 'instances whose Namespaces may not be read were taken out with all nodes',
    script: {
      ...written('mass NotReady (control plane cut off from the nodes)', [
        step(0, 'namespace-default-in', 0, 0),
        step(0, 'pod-add-web', 0.382, 0.163, 468),
        step(0, 'pod-add-both', 0.338, 0.083, 1_170),
        step(0, 'pod-add-db', 0.816, 0.57, 4_350),
        step(12_762, 'namespaces-forbidden', 0.563, 0.796, 54_160),
        step(14_559, 'crash', 0.793, 0.816, 4_984),
        step(14_571, 'mass-not-ready', 0.687, 0.094, 83_190),
      ]),
      seed: 761,
      traits: { sync: { default: 'pods', namespaces: { selector: 'consul=yes' } } },
    },
  },
  {
    what: 'instances with a mistake in their annotations were taken out with all nodes',
    script: {
      ...written('mass NotReady (control plane cut off from the nodes)', [
        step(0, 'pod-add-web', 0.1, 0.163, 468),
        step(0, 'pod-add-web', 0.9, 0.083, 1_170),
        step(9_000, 'annotate', 0.1, 0.6),
        step(9_000, 'annotate', 0.9, 0.6),
        step(14_571, 'mass-not-ready', 0.687, 0.094, 83_190),
      ]),
      seed: 761,
    },
  },
  {
    what: 'a Service without endpoints lost the address that it had when it asked for node ports with a mistake',
    script: written(
      'what a Service is reached by changes',
      [step(0, 'address-put', 0.002, 0.867), step(9_000, 'address-mistake', 0, 0.583)],
      3_000,
    ),
  },
  {
    what: 'an address stayed for ever when its Service asked for node ports, of which there were none, and another',
    script: {
      ...written('what a Service is reached by changes', [
        step(4_436, 'address-put', 0.812, 0.334, 11_843),
        step(22_424, 'address-list', 0.604, 0.156, 7_518),
        step(36_446, 'address-list', 0.852, 0.573, 16_101),
      ]),
      seed: 5_603,
      traits: { watchList: false },
    },
  },
  {
    what: 'a process that stood still while etcd was restored took up its watches as if nothing had happened',
    script: {
      ...written('etcd restored from a backup', [
        step(30_416, 'cut-kube', 0.031, 0.077, 57_127),
        step(50_035, 'pod-add', 0.397, 0.151, 3_982),
        step(59_275, 'kube-restore-away', 0.923, 0.013, 23_556),
        step(60_261, 'pod-recreate', 0.074, 0.213, 2_257),
        step(60_373, 'stall', 0.792, 0.837, 33_459),
      ]),
      seed: 6_314,
      traits: { latencyMs: 0, watchList: true, replicas: 2 },
    },
  },
  {
    what: 'a node was taken out with all others when somebody removed its check',
    script: written('mass NotReady (control plane cut off from the nodes)', [
      step(0, 'pod-add-web', 0.418, 0.1, 304),
      step(0, 'pod-add-web', 0.111, 0.9, 2_553),
      step(9_471, 'mass-not-ready', 0.661, 0.482, 23_237),
      step(9_871, 'drift-node-check', 0.732, 0.064, 4_587),
    ]),
  },
  {
    what: 'the mistake of a selector was read by a process that had started without a token and knew one node of four',
    script: {
      ...written('ACL token expired or revoked, "ACL not found", 403', [
        step(0, 'namespace-default-in', 0.465, 0.089, 6_201),
        step(0, 'tenant-crowd', 0.523, 0.243, 991),
        step(0, 'pod-add-both', 0.156, 0.658, 7_043),
        step(9_436, 'acl-tokenless', 0.358, 0.259, 12_193),
        step(11_461, 'sync-mistaken', 0.076, 0.72, 69_312),
      ]),
      seed: 8_852,
      traits: {
        acl: true,
        mostPods: 24,
        sync: {
          default: 'pods',
          namespaces: { selector: 'consul=yes' },
          namespaceAnnotations: ['tags', 'meta.*', 'drain', 'weight'],
        },
      },
    },
  },
  {
    what: 'the loss of all nodes was believed by a leader that had taken over without a token and knew none of them',
    script: {
      ...written('mass NotReady (control plane cut off from the nodes)', [
        step(0, 'pod-add-api', 0.041, 0.937, 7_921),
        step(0, 'pod-add-web', 0.951, 0.687, 2_748),
        step(12_890, 'acl-tokenless', 0.534, 0.198, 35_659),
        step(17_092, 'pod-flip', 0.637, 0.4, 7_572),
        step(27_834, 'mass-not-ready', 0.171, 0.265, 86_943),
      ]),
      seed: 8_898,
      traits: { latencyMs: 200, replicas: 2, acl: true },
    },
  },
  {
    what: 'the oracle wanted instances kept whose pods were missing together with their node',
    script: written('mass unexplained absence', [
      ...[0.18, 0.515, 0.528, 0.784, 0.729, 0.15].map((x) => step(0, 'pod-add-both', x, 0.1)),
      step(0, 'pod-add', 0.489, 0.326),
      step(16_244, 'node-remove', 0.981, 0.821, 3_540),
      step(16_633, 'mass-vanish', 0.175, 0.46, 13_883),
    ]),
  },
];

/** A step of a script that is written out. */
export function step(at: number, action: ActionName, x: number, y: number, forMs = 1_000): Step {
  return { at, action, cluster: 0, x, y, forMs };
}

/** A script that is written out. */
export function written(row: string, steps: readonly Step[], promptMs = Number.POSITIVE_INFINITY): Script {
  return { seed: 1, rows: [row], traits: {}, steps, promptMs };
}
