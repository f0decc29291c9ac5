import type { ReflectorStatus } from '../../src/kube/reflector/reflector-state.ts';
import { RegistrarError } from '../../src/lib/errors.ts';
import { clusterUid, consulNodeName, instanceId, serviceName } from '../../src/model/keys.ts';
import { ServiceCounts } from '../../src/reconcile/service-counts.ts';
import type { Reading } from '../../src/server/reading.ts';
import { anObserved } from './observed-nodes.ts';

const wall = Date.parse('2026-01-01T00:01:00.000Z');
const node = consulNodeName('east-node-1');
const of = (instance: string) =>
  ({ kind: 'instance', node, instance: instanceId(instance), service: serviceName('web') }) as const;

const pods: ReflectorStatus = {
  resource: 'pods',
  namespace: '',
  state: { kind: 'watching', since: 0, from: '1' },
  synced: true,
  refused: false,
  notInstalled: false,
  objects: 20,
  lists: 1,
  relists: 0,
  drift: { added: 0, changed: 0, removed: 0 },
  events: 0,
  idleAborts: 0,
  badLines: 0,
  badObjects: 0,
  regressions: 0,
  lastHeardAt: 58_500,
  lastError: undefined,
};

const nodes = [
  anObserved('east-node-1', { web: ['passing', 'critical'], api: ['passing', 'passing'] }),
  anObserved('east-node-2', { web: ['passing'] }),
];

/** What an operator could know, with something in every part. */
export const sampleReading: Reading = {
  clusterName: 'east',
  policy: 'sync',
  consulAddresses: ['http://127.0.0.1:8500'],
  version: '1.2.3',
  wall,
  now: 60_000,
  startedAt: Date.parse('2026-01-01T00:00:00.000Z'),
  owner: clusterUid('6f1c2a90-0000-4000-8000-000000000001'),
  waitingFor: [],
  degraded: [],
  leadership: {
    state: 'leading',
    identity: 'kube-registrar-7d9f-x2k4_1',
    holder: 'kube-registrar-7d9f-x2k4_1',
    lease: 'kube-registrar/kube-registrar',
    fenced: true,
    error: null,
  },
  reflectors: [
    pods,
    {
      ...pods,
      resource: 'nodes',
      state: { kind: 'waiting', since: 0, until: 70_000, next: 'list' },
      synced: false,
      refused: true,
      lastHeardAt: undefined,
      lastError: { error: new RegistrarError('forbidden', 'nodes is forbidden'), at: 50_000, since: 1_000 },
    },
  ],
  nodes,
  services: new ServiceCounts(() => nodes).now,
  problems: [
    {
      item: {
        object: { kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'u1' },
        reason: 'InvalidAnnotation',
        field: 'port',
        message: 'port "htp" is not a container port; did you mean "http"?',
        severity: 'error',
      },
      since: wall - 50_000,
    },
  ],
  findings: [
    {
      item: {
        kind: 'held',
        by: 'guard',
        what: 'removal',
        at: of('shop.web-2.1f0c9a3e.web.8080'),
        because: 'limit',
        until: wall + 860_000,
      },
      since: wall - 40_000,
    },
    {
      item: {
        kind: 'held',
        by: 'conflict',
        what: 'write',
        at: of('shop.web-3.2f0c9a3e.web.8080'),
        because: 'conflict',
        until: wall + 20_000,
      },
      since: wall - 12_000,
    },
  ],
  drift: [
    {
      drift: {
        kind: 'drift',
        what: 'changed',
        at: of('shop.web-3.2f0c9a3e.web.8080'),
        fields: [{ field: 'tags', before: '["a"]', after: '["theirs"]' }],
      },
      times: 7,
      first: wall - 20_000,
      last: wall - 10_000,
    },
  ],
  changes: [
    {
      when: wall - 5_000,
      text: 'pod shop/web-0 (web) registered at 10.0.0.1:8080, passing',
      at: of('shop.web-0.east-node-1.web.8080'),
      durationMs: 31.4,
    },
  ],
  history: Array.from({ length: 4 }, (_, at) => ({
    at: wall - (3 - at) * 15_000,
    p50: at === 1 ? undefined : 20 + at,
    p99: at === 1 ? undefined : 40 * at,
    writes: at / 2,
    passing: 4,
    warning: 0,
    critical: at === 3 ? 1 : 0,
    waiting: at,
    oldestMs: at * 100,
  })),
  queue: { depth: 3, oldestMs: 250, busy: 0, unanswered: 3, unansweredMs: 250, inFlight: 1 },
  consulUp: true,
  consulError: undefined,
  consulFailingSince: undefined,
  lastFullSync: wall - 30_000,
};
