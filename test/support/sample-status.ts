import { consulNodeName, instanceId, serviceName } from '../../src/model/keys.ts';
import type { Status } from '../../src/server/status.ts';

/** A status with something in every part. */
export const sampleStatus: Status = {
  version: '1.2.3',
  now: '2026-01-01T00:01:00.000Z',
  startedAt: '2026-01-01T00:00:00.000Z',
  cluster: { name: 'east', uid: '6f1c2a90-0000-4000-8000-000000000001' },
  policy: 'sync',
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
    {
      resource: 'pods',
      namespace: '',
      state: 'watching',
      synced: true,
      objects: 20,
      lastEventAgeMs: 1_500,
      error: null,
    },
    {
      resource: 'nodes',
      namespace: '',
      state: 'waiting',
      synced: false,
      objects: 0,
      lastEventAgeMs: null,
      error: 'nodes is forbidden',
    },
  ],
  consul: {
    addresses: ['http://127.0.0.1:8500'],
    up: true,
    error: null,
    lastFullSync: '2026-01-01T00:00:30.000Z',
  },
  nodes: [{ name: 'east-node-1', address: '10.0.0.1', status: 'passing', instances: 20 }],
  services: [{ name: 'web', passing: 18, warning: 0, critical: 2 }],
  problems: [
    {
      object: { kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'u1' },
      reason: 'InvalidAnnotation',
      field: 'port',
      message: 'port "htp" is not a container port; did you mean "http"?',
      severity: 'error',
      since: '2026-01-01T00:00:10.000Z',
    },
  ],
  held: [
    {
      what: 'removal',
      node: consulNodeName('east-node-1'),
      instance: instanceId('shop.web-2.1f0c9a3e.web.8080'),
      service: serviceName('web'),
      because: 'limit',
      why: 'instance shop.web-2.1f0c9a3e.web.8080 of web stays registered',
      release: 'kube-registrar release east-node-1',
      since: '2026-01-01T00:00:20.000Z',
      until: '2026-01-01T00:15:20.000Z',
    },
  ],
  drift: [
    {
      what: 'changed',
      entry: 'instance',
      node: 'east-node-1',
      instance: 'shop.web-3.2f0c9a3e.web.8080',
      service: 'web',
      check: null,
      fields: [{ field: 'tags', before: '["a"]', after: '["theirs"]' }],
      times: 7,
      first: '2026-01-01T00:00:40.000Z',
      last: '2026-01-01T00:00:50.000Z',
    },
  ],
  contended: [
    {
      node: 'east-node-1',
      instance: 'shop.web-3.2f0c9a3e.web.8080',
      service: 'web',
      check: null,
      since: '2026-01-01T00:00:48.000Z',
      nextRepair: '2026-01-01T00:01:20.000Z',
    },
  ],
  queue: { depth: 3, oldestMs: 250, inFlight: 1 },
};
