import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import * as records from '../../test/support/cluster-records.ts';
import { readiness } from '../../test/support/entries.ts';
import type { EndpointSliceRecord } from '../model/endpoint-slice.ts';
import type { GatewayRecord } from '../model/gateway.ts';
import { checkId } from '../model/keys.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { PodRecord } from '../model/pod.ts';
import type { RouteKind, RouteRecord } from '../model/route.ts';
import type { ServiceRecord } from '../model/service.ts';
import { type EvidenceView, explainRemoval, type PodEnd, type Sightings } from './evidence.ts';
import { ownNotes } from './ownership.ts';

const uid = records.pod().uid;
const ofPod = {
  checks: new Map(),
  address: '10.0.0.1',
  meta: { 'kube-namespace': 'shop', 'kube-pod': 'web-x2x7q', 'kube-pod-uid': uid },
};
const ofService = { ...ofPod, meta: { ...ofPod.meta, 'kube-service': 'search' } };
const bare = {
  checks: new Map(),
  address: '10.0.0.1',
  meta: { 'kube-namespace': 'shop', 'kube-service': 'search' },
};

const view = (parts: {
  pod?: PodRecord;
  service?: ServiceRecord;
  slices?: readonly EndpointSliceRecord[];
  node?: KubeNodeRecord;
  route?: RouteRecord;
  gateway?: GatewayRecord;
}): EvidenceView => ({
  pod: () => parts.pod,
  service: () => parts.service,
  kubeNode: () => parts.node,
  slicesOfService: () => parts.slices ?? [],
  route: () => parts.route,
  gateway: () => parts.gateway,
});

const seen = (parts: {
  podEnd?: PodEnd;
  serviceDeleted?: boolean;
  namespaceLeft?: boolean;
  routeDeleted?: RouteKind | 'Gateway';
  slice?: 'deleted' | 'lost';
  regressed?: boolean;
}): Sightings => ({
  podEnd: () => parts.podEnd,
  serviceDeleted: () => parts.serviceDeleted ?? false,
  namespaceLeft: () => parts.namespaceLeft ?? false,
  routeDeleted: (kind) => parts.routeDeleted === kind,
  sliceEnd: () => parts.slice,
  regressed: parts.regressed ?? false,
});

const because = (evidence: ReturnType<typeof explainRemoval>): string =>
  evidence.kind === 'explained' ? evidence.because : `${evidence.sign}: ${evidence.subject?.kind}`;

describe('explainRemoval() of an instance of a pod', () => {
  const rows: readonly [string, Parameters<typeof view>[0], Parameters<typeof seen>[0], string][] = [
    ['that is there and does not ask', { pod: records.pod() }, {}, 'withdrawn'],
    ['that is terminating', { pod: records.pod({ deleting: true }) }, {}, 'terminating'],
    ['that completed', { pod: records.pod({ phase: 'Succeeded' }) }, {}, 'finished'],
    ['with another under its name', { pod: records.pod({ uid: 'other' }) }, {}, 'replaced'],
    ['that was seen ending', {}, { podEnd: 'terminating' }, 'terminating'],
    ['that was seen completed before it was deleted', {}, { podEnd: 'finished' }, 'finished'],
    ['that was only seen deleted', {}, { podEnd: 'deleted' }, 'deleted: pod'],
    ['that a relist did not show any more', {}, { podEnd: 'lost' }, 'lost: pod'],
    ['of which nothing was seen', {}, {}, 'absent: pod'],
    ['that is there in an old history', { pod: records.pod() }, { regressed: true }, 'regressed: pod'],
    ['replaced in an old history', { pod: records.pod({ uid: 'b' }) }, { regressed: true }, 'regressed: pod'],
    [
      'terminating in an old history',
      { pod: records.pod({ deleting: true }) },
      { regressed: true },
      'regressed: pod',
    ],
    [
      'completed in an old history',
      { pod: records.pod({ phase: 'Failed' }) },
      { regressed: true },
      'regressed: pod',
    ],
    ['seen ending after history went back', {}, { podEnd: 'terminating', regressed: true }, 'terminating'],
  ];
  for (const [what, cluster, sightings, expected] of rows) {
    test(`${what}: ${expected}`, () => {
      assert.equal(because(explainRemoval(ofPod, view(cluster), seen(sightings))), expected);
    });
  }
});

describe('explainRemoval() of an instance of a Service', () => {
  const service = records.service();
  const slices = [records.slice({ endpoints: [] })];
  const relisted = records.slice({ endpoints: [records.endpoint({ addresses: ['10.0.0.1'] })] });
  const rows: readonly [string, object, Parameters<typeof view>[0], Parameters<typeof seen>[0], string][] = [
    [
      'whose annotations are gone',
      ofService,
      { service: records.service({ annotations: {} }) },
      {},
      'withdrawn',
    ],
    [
      'that is being deleted',
      ofService,
      { service: records.service({ deleting: true }) },
      {},
      'service-deleted',
    ],
    ['that was seen deleted', ofService, {}, { serviceDeleted: true }, 'service-deleted'],
    ['that is absent', bare, {}, {}, 'absent: service'],
    ['that is absent with its pod ending', ofService, {}, { podEnd: 'terminating' }, 'terminating'],
    ['with slices that leave it out', bare, { service, slices }, {}, 'withdrawn'],
    ['without any slice', bare, { service }, {}, 'absent: endpoint'],
    ['missing with its slice', bare, { service, slices }, { slice: 'lost' }, 'absent: endpoint'],
    ['whose slice was deleted', bare, { service }, { slice: 'deleted' }, 'unlisted: endpoint'],
    ['listed again after that', bare, { service, slices: [relisted] }, { slice: 'deleted' }, 'withdrawn'],
    ['whose pod is absent', ofService, { service, slices }, {}, 'absent: pod'],
    ['whose pod is there', ofService, { service, slices, pod: records.pod() }, {}, 'withdrawn'],
    ['still listed', ofService, { service, slices: [records.slice()] }, {}, 'withdrawn'],
    [
      'that is reached otherwise in an old history, with the endpoint still there',
      ofService,
      { service, pod: records.pod({ annotations: {} }), slices: [records.slice()] },
      { regressed: true },
      'regressed: service',
    ],
    [
      'whose pod asks for itself in an old history',
      ofService,
      { service, pod: records.pod({ annotations: { service: 'web' } }), slices: [records.slice()] },
      { regressed: true },
      'regressed: pod',
    ],
  ];
  for (const [what, instance, cluster, sightings, expected] of rows) {
    test(`${what}: ${expected}`, () => {
      assert.equal(
        because(explainRemoval(instance as typeof ofPod, view(cluster), seen(sightings))),
        expected,
      );
    });
  }
});

describe('explainRemoval() of what a Service is reached by as a whole', () => {
  const of = (reach: string) => ({
    ...bare,
    address: '203.0.113.7',
    meta: { ...bare.meta, 'kube-address': reach, 'kube-node': 'n1' },
  });
  const [balanced, onNode] = [of('load-balancer'), of('node-port')];
  const lb = (host: string, part: Partial<ServiceRecord> = {}) =>
    records.service({ type: 'LoadBalancer', loadBalancer: [{ host, ipMode: '' }], ...part });
  const [node, slices] = [records.kubeNode(), [records.slice()]];
  const rows: readonly [string, object, Parameters<typeof view>[0], Parameters<typeof seen>[0], string][] = [
    [
      'whose address is not in the status',
      balanced,
      { service: lb('203.0.113.8') },
      {},
      'unassigned: service',
    ],
    ['whose address is there', balanced, { service: lb('203.0.113.7') }, {}, 'withdrawn'],
    [
      'whose Service has another type',
      balanced,
      { service: lb('203.0.113.8', { type: 'ClusterIP' }) },
      {},
      'withdrawn',
    ],
    [
      'whose annotations are gone',
      balanced,
      { service: lb('203.0.113.8', { annotations: {} }) },
      {},
      'withdrawn',
    ],
    ['whose Service was deleted', balanced, {}, { serviceDeleted: true }, 'service-deleted'],
    [
      'whose Service is being deleted',
      balanced,
      { service: lb('203.0.113.7', { deleting: true }) },
      {},
      'service-deleted',
    ],
    ['whose Service is absent', balanced, {}, {}, 'absent: service'],
    ['whose Service has other external IPs', of('external-ips'), { service: lb('x') }, {}, 'withdrawn'],
    ['whose node is absent', onNode, { service: lb('x'), slices }, {}, 'absent: node'],
    ['whose node has no endpoint', onNode, { service: lb('x'), node, slices }, {}, 'withdrawn'],
    ['whose Service has no slices', onNode, { service: lb('x'), node }, {}, 'absent: service'],
    [
      'that is there in an old history',
      balanced,
      { service: lb('203.0.113.7') },
      { regressed: true },
      'regressed: service',
    ],
  ];
  for (const [what, instance, cluster, sightings, expected] of rows) {
    test(`${what}: ${expected}`, () => {
      assert.equal(
        because(explainRemoval(instance as typeof ofPod, view(cluster), seen(sightings))),
        expected,
      );
    });
  }
});

describe('explainRemoval() of an instance of an Ingress or a route', () => {
  const ofIngress = {
    checks: new Map(),
    address: '203.0.113.7',
    meta: { 'kube-namespace': 'shop', 'kube-route': 'Ingress/web' },
  };
  const ofRoute = {
    ...ofIngress,
    meta: { ...ofIngress.meta, 'kube-route': 'HTTPRoute/web', 'kube-gateway': 'infra/edge' },
  };
  const [route, gateway] = [records.httpRoute(), records.gateway()];
  const elsewhere = records.httpRoute({ parents: [records.parent({ name: 'other' })] });
  const refused = records.httpRoute({ parents: [records.parent({ accepted: false })] });
  type Row = [string, object, Parameters<typeof view>[0], Parameters<typeof seen>[0], string];
  const rows: readonly Row[] = [
    ['that was seen deleted', ofIngress, {}, { routeDeleted: 'Ingress' }, 'route-deleted'],
    ['that is absent', ofIngress, {}, {}, 'absent: route'],
    ['that is being deleted', ofIngress, { route: records.ingress({ deleting: true }) }, {}, 'route-deleted'],
    ['without annotations', ofIngress, { route: records.ingress({ annotations: {} }) }, {}, 'withdrawn'],
    ['with that address still', ofIngress, { route: records.ingress() }, {}, 'withdrawn'],
    [
      'with another address',
      ofIngress,
      { route: records.ingress({ addresses: ['x'] }) },
      {},
      'unassigned: route',
    ],
    [
      'that lost its address',
      ofIngress,
      { route: records.ingress({ addresses: [] }) },
      {},
      'unassigned: route',
    ],
    [
      'in a history that went back',
      ofIngress,
      { route: records.ingress() },
      { regressed: true },
      'regressed: route',
    ],
    ['whose Gateway has another address', ofRoute, { route, gateway }, {}, 'unassigned: route'],
    [
      'whose Gateway still has the address',
      { ...ofRoute, address: '203.0.113.9' },
      { route, gateway },
      {},
      'withdrawn',
    ],
    ['that names another Gateway now', ofRoute, { route: elsewhere, gateway }, {}, 'withdrawn'],
    [
      'that its Gateway does not accept any more',
      ofRoute,
      { route: refused, gateway },
      {},
      'unassigned: route',
    ],
    [
      'whose Gateway lost its address',
      ofRoute,
      { route, gateway: records.gateway({ addresses: [] }) },
      {},
      'unassigned: route',
    ],
    ['whose Gateway is absent', ofRoute, { route }, {}, 'unassigned: route'],
    ['whose Gateway was seen deleted', ofRoute, { route }, { routeDeleted: 'Gateway' }, 'gateway-deleted'],
  ];
  for (const [what, instance, cluster, sightings, expected] of rows) {
    test(`${what}: ${expected}`, () => {
      const found = explainRemoval(instance as typeof ofPod, view(cluster), seen(sightings));
      assert.equal(because(found), expected);
    });
  }
});

test('explainRemoval() knows from our check in Consul what was seen ending before a restart', () => {
  const id = checkId('i1:readiness');
  const check = { ...readiness('i1', 'critical', 'Pod is terminating'), id, notes: ownNotes };
  const told = { serviceName: '', serviceTags: [], modifyIndex: 1 };
  const withNotes = (notes: string) => ({ ...ofPod, checks: new Map([[id, { ...check, ...told, notes }]]) });
  assert.equal(because(explainRemoval(withNotes(ownNotes), view({}), seen({}))), 'terminating');
  assert.equal(because(explainRemoval(withNotes("somebody else's"), view({}), seen({}))), 'absent: pod');
});

test('explainRemoval() does not explain what an outsider made unrecognisable', () => {
  assert.equal(
    because(explainRemoval({ checks: new Map(), address: '', meta: {} }, view({}), seen({}))),
    'absent: undefined',
  );
});

test('explainRemoval() never explains the absence of an object of which nothing was seen', () => {
  const meta = fc.record(
    {
      'kube-namespace': fc.constant('shop'),
      'kube-pod': fc.constant('web'),
      'kube-pod-uid': fc.constantFrom('', 'u1'),
      'kube-service': fc.constantFrom('', 'search'),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(meta, fc.boolean(), (meta, regressed) => {
      const instance = { checks: new Map(), address: '10.0.0.1', meta: meta as Record<string, string> };
      assert.equal(explainRemoval(instance, view({}), seen({ regressed })).kind, 'unexplained');
    }),
  );
});

describe('explainRemoval() of an instance that the configuration leaves out', () => {
  const silent = { annotations: {} };
  const outside = { annotations: {}, scope: { outside: 'unselected' } } as const;
  const there = { pod: records.pod(), slices: [records.slice()] };
  const byDefault = <Of extends { readonly meta: object }>(of: Of) => ({
    ...of,
    meta: { ...of.meta, 'kube-by-default': 'true' },
  });
  const rows: readonly [
    string,
    Parameters<typeof explainRemoval>[0],
    Parameters<typeof view>[0],
    Parameters<typeof seen>[0],
    string,
  ][] = [
    ['with its namespace, a pod', ofPod, { pod: records.pod(outside) }, {}, 'left-out: pod'],
    [
      'with its namespace, a Service',
      ofService,
      { service: records.service(outside) },
      {},
      'left-out: service',
    ],
    [
      'with its namespace, which was seen to lose its labels',
      ofService,
      { service: records.service(outside) },
      { namespaceLeft: true },
      'withdrawn',
    ],
    [
      'although it was registered by default, a pod',
      byDefault(ofPod),
      { pod: records.pod(silent) },
      {},
      'left-out: pod',
    ],
    [
      'although it was registered by default, a Service',
      byDefault(ofService),
      { service: records.service({ annotations: { tags: 'a' } }) },
      {},
      'left-out: service',
    ],
    [
      'after its owner said no',
      byDefault(ofService),
      { service: records.service({ annotations: { service: 'false' } }), ...there },
      {},
      'withdrawn',
    ],
    [
      'and whose pod was seen ending',
      byDefault(ofService),
      { service: records.service(silent), pod: records.pod({ deleting: true }) },
      {},
      'terminating',
    ],
    [
      'and that has its own annotations removed',
      ofService,
      { service: records.service(silent) },
      {},
      'withdrawn',
    ],
    [
      'in a history that went backwards',
      byDefault(ofService),
      { service: records.service({ annotations: { service: 'false' } }), ...there },
      { regressed: true },
      'regressed: pod',
    ],
  ];
  for (const [what, instance, parts, sighted, expected] of rows) {
    test(`${what}: ${expected}`, () => {
      assert.equal(because(explainRemoval(instance, view(parts), seen(sighted))), expected);
    });
  }
});
