import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as records from '../../test/support/cluster-records.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { Subject } from '../plan/evidence.ts';
import type { AccessRule } from '../sandbox/kube/access.ts';
import { KubeApi } from '../sandbox/kube/kube-api.ts';
import { ConsistentReads, type ConsistentReadsOptions } from './consistent-reads.ts';

const { signal } = new AbortController();
const reads: readonly AccessRule[] = [
  { verbs: ['list'], apiGroups: [''], resources: ['pods', 'services'] },
  { verbs: ['list'], apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
];

function start(options: Partial<ConsistentReadsOptions> = {}) {
  const clock = new VirtualClock();
  const kube = new KubeApi({ clock, random: () => 0.5 });
  kube.access.grant('operator', reads);
  const transport = kube.transport('operator');
  const view = { pod: () => undefined, service: () => undefined, route: () => undefined };
  return {
    clock,
    kube,
    look: new ConsistentReads({ transport, clock, view, namespaces: [], sources: [], ...options }),
  };
}

const pod = (uid: string, status: object = { phase: 'Running' }, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'default', uid, ...metadata },
  spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'x' }] },
  status,
});
const subject = { kind: 'pod', namespace: 'default', name: 'web-1', uid: 'u1' } as const;

describe('a consistent read of a pod, with the rights to list it and no other', () => {
  test('agrees when it is gone, and when another has its name', async () => {
    const { kube, look } = start();
    assert.deepEqual(await look.at(subject, signal), { kind: 'absent' });
    kube.store.apply(pod('u2'));
    assert.deepEqual(await look.at(subject, signal), { kind: 'absent' });
  });

  test('finds that it is still there', async () => {
    const { kube, look } = start();
    kube.store.apply(pod('u1'));
    assert.deepEqual(await look.at(subject, signal), { kind: 'present' });
  });

  test('finds it unchanged when the stores have this very version of it, so that it really does not ask', async () => {
    const known = { ...records.pod({ uid: 'u1' }), resourceVersion: '' };
    const { kube, look } = start({
      view: { pod: () => known, service: () => undefined, route: () => undefined },
    });
    known.resourceVersion = kube.store.apply(pod('u1')).metadata.resourceVersion;
    assert.deepEqual(await look.at(subject, signal), { kind: 'unchanged' });
  });

  test('learns from it why its instances have to go', async () => {
    const { kube, look } = start();
    kube.store.apply(pod('u1', { phase: 'Failed', reason: 'Evicted' }));
    assert.deepEqual(await look.at(subject, signal), { kind: 'explained', because: 'finished' });
    kube.store.apply(pod('u1', { phase: 'Running' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    assert.deepEqual(await look.at(subject, signal), { kind: 'explained', because: 'terminating' });
  });

  test('knows that a pod which lost its labels withdrew', async () => {
    const { kube, look } = start({ podLabelSelector: 'consul=yes' });
    kube.store.apply(pod('u1'));
    assert.deepEqual(await look.at(subject, signal), { kind: 'explained', because: 'withdrawn' });
    kube.store.apply(pod('u1', { phase: 'Running' }, { labels: { consul: 'yes' } }));
    assert.deepEqual(await look.at(subject, signal), { kind: 'present' });
  });

  test('tells missing rights from absence, and any other failure too', async () => {
    const { kube, look, clock } = start();
    kube.access.grant('operator', []);
    assert.equal((await look.at(subject, signal)).kind, 'forbidden');
    kube.access.grant('operator', reads);
    kube.faults.intercept = () => ({ kind: 'answer', status: 503 });
    assert.equal((await look.at(subject, signal)).kind, 'failed');
    kube.faults.intercept = () => ({ kind: 'hang' });
    const hanging = look.at(subject, signal);
    await clock.advance(10_000);
    assert.equal((await hanging).kind, 'failed');
    assert.equal(clock.pending, 0);
  });
});

describe('consistent reads of many pods', () => {
  const subjects = [subject, { ...subject, name: 'web-2', uid: 'u2' }];

  test('finds each by one list, finished ones included', async () => {
    const { kube, look } = start();
    kube.store.apply(pod('u1', { phase: 'Succeeded' }));
    let lists = 0;
    kube.faults.intercept = ({ path }) => {
      if (path.startsWith('/api/v1/pods')) lists += 1;
      return undefined;
    };
    const lookOf = await look.atPods(subjects, signal);
    assert.deepEqual(subjects.map(lookOf), [{ kind: 'explained', because: 'finished' }, { kind: 'absent' }]);
    assert.equal(lists, 1);
  });

  test('believes no list that rights may have thinned', async () => {
    const { kube, look } = start();
    kube.faults.intercept = ({ path, body = '' }) =>
      path.includes('selfsubjectaccessreviews')
        ? { kind: 'answer', status: 201, body: { ...JSON.parse(body), status: { allowed: false } } }
        : undefined;
    const lookOf = await look.atPods(subjects, signal);
    assert.ok(subjects.every((each) => lookOf(each).kind === 'forbidden'));
  });

  test('makes do with the list where reviews are not to be had', async () => {
    const { kube, look } = start();
    kube.faults.intercept = ({ path }) =>
      path.includes('selfsubjectaccessreviews') ? { kind: 'answer', status: 403 } : undefined;
    assert.deepEqual((await look.atPods(subjects, signal))(subject), { kind: 'absent' });
  });

  test('does not wait for ever for the review', async () => {
    const { kube, look, clock } = start();
    kube.faults.intercept = ({ path }) => (path.includes('selfsubject') ? { kind: 'hang' } : undefined);
    const looking = look.atPods(subjects, signal);
    await clock.advance(10_000);
    assert.equal((await looking)(subject).kind, 'failed');
    assert.equal(clock.pending, 0);
  });

  test('asks in the namespaces it is asked about only, and each answers for itself', async () => {
    const { kube, look } = start({ namespaces: ['default', 'shop', 'gone'] });
    const paths: string[] = [];
    kube.faults.intercept = ({ path }) => {
      if (path.includes('/pods')) paths.push(path.replace(/\?.*/, ''));
      return path.includes('/gone/pods') ? { kind: 'answer', status: 403 } : undefined;
    };
    const gone = { ...subject, namespace: 'gone' };
    const leftOut = { ...subject, namespace: 'other' };
    const lookOf = await look.atPods([...subjects, gone, leftOut], signal);
    assert.deepEqual(paths, ['/api/v1/namespaces/default/pods', '/api/v1/namespaces/gone/pods']);
    assert.deepEqual(
      [subject, gone, leftOut].map((each) => lookOf(each).kind),
      ['absent', 'forbidden', 'absent'],
    );
  });

  test('knows which of many lost their labels', async () => {
    const { kube, look } = start({ podLabelSelector: 'consul=yes' });
    kube.store.apply(pod('u1'));
    kube.store.apply(pod('u2', { phase: 'Running' }, { name: 'web-2', labels: { consul: 'yes' } }));
    const [one, two] = [subject, { ...subject, name: 'web-2', uid: 'u2' }];
    const lookOf = await look.atPods([one, two, { ...subject, name: 'web-3', uid: 'u3' }], signal);
    assert.deepEqual(lookOf(one), { kind: 'explained', because: 'withdrawn' });
    assert.deepEqual(lookOf(two), { kind: 'present' });
    assert.deepEqual(lookOf({ ...subject, name: 'web-3', uid: 'u3' }), { kind: 'absent' });
  });

  test('believes nothing of a list that broke off', async () => {
    const { kube, look } = start();
    kube.faults.intercept = ({ path }) =>
      path.startsWith('/api/v1/pods') ? { kind: 'truncate', bytes: 40 } : undefined;
    assert.equal((await look.atPods(subjects, signal))(subject).kind, 'failed');
  });
});

describe('consistent reads of Services and endpoints', () => {
  const service = { kind: 'service', namespace: 'default', name: 'search' } as const;
  const endpoint: Subject = {
    kind: 'endpoint',
    namespace: 'default',
    service: 'search',
    podUid: '',
    address: '10.0.0.1',
  };

  test('agrees when a Service is gone, and not when it is there', async () => {
    const { kube, look } = start();
    assert.deepEqual(await look.at(service, signal), { kind: 'absent' });
    kube.store.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'search', namespace: 'default' },
      spec: {},
    });
    assert.deepEqual(await look.at(service, signal), { kind: 'present' });
  });

  test('looks for an endpoint in all slices of its Service', async () => {
    const { kube, look } = start();
    assert.deepEqual(await look.at(endpoint, signal), { kind: 'absent' });
    kube.store.apply({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 's1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'search' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'] }],
      ports: [],
    });
    assert.deepEqual(await look.at(endpoint, signal), { kind: 'present' });
  });
});

describe('consistent reads of Leases and nodes', () => {
  const rights: readonly AccessRule[] = [
    { verbs: ['list'], apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
    { verbs: ['list'], apiGroups: [''], resources: ['nodes'] },
  ];

  test('takes a node that is gone as an explanation', async () => {
    const { kube, look } = start();
    kube.access.grant('operator', rights);
    const node = { kind: 'node', namespace: '', name: 'n1' } as const;
    assert.deepEqual(await look.at(node, signal), { kind: 'explained', because: 'node-gone' });
    kube.store.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, spec: {} });
    assert.deepEqual(await look.at(node, signal), { kind: 'present' });
  });

  test('find those they are asked for, by name or, when they are many, in one list', async () => {
    const { kube, look } = start();
    kube.access.grant('operator', rights);
    kube.addNamespace('kube-node-lease');
    const names = Array.from({ length: 30 }, (_, index) => `n${index}`);
    for (const name of names.slice(1)) {
      kube.store.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
      kube.store.apply({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace: 'kube-node-lease' },
        spec: { renewTime: `2026-01-01T00:00:00.000000Z` },
      });
    }
    const paths: string[] = [];
    kube.faults.intercept = ({ path }) => void paths.push(path);
    const few = await look.leases(new Set(names.slice(0, 2)), signal);
    assert.deepEqual([...few], [['n1', '2026-01-01T00:00:00.000000Z']]);
    assert.deepEqual([...(await look.kubeNodes(new Set(names.slice(0, 2)), signal))], ['n1']);
    assert.equal(paths.length, 4);
    assert.equal((await look.leases(new Set(names), signal)).size, 29);
    assert.equal((await look.kubeNodes(new Set(names), signal)).size, 29);
    assert.equal(paths.length, 6);
  });

  test('reject with forbidden without the right', async () => {
    const { look } = start();
    await assert.rejects(look.leases(new Set(['n1']), signal), { code: 'forbidden' });
    await assert.rejects(look.probeLeases(signal), { code: 'forbidden' });
  });
});
