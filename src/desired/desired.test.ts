import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  endpoint,
  kubeNode,
  options,
  pod,
  type Records,
  service,
  slice,
  view,
} from '../../test/support/cluster-records.ts';
import type { DesiredNode } from '../model/desired-node.ts';
import type { Endpoint, EndpointSliceRecord } from '../model/endpoint-slice.ts';
import type { PodRecord } from '../model/pod.ts';
import type { ServiceRecord } from '../model/service.ts';
import { createDesired, desiredNode } from './desired.ts';

const nodeNames = ['', 'n1', 'endpoints'] as const;

const word = fc.constantFrom(
  'web',
  'api',
  'a.b',
  'x-y',
  'true',
  'http',
  '80',
  '8080',
  'a_b',
  '{pod.name}',
  '',
);
const hostile = fc.string({ unit: 'binary', maxLength: 12 });
const text = fc.oneof({ weight: 4, arbitrary: word }, hostile);
const some = <T>(arbitrary: fc.Arbitrary<T>, weight = 6) => ({ weight, arbitrary });
const annotations = fc.oneof(
  some(
    fc.record(
      {
        service: fc.constantFrom('web', 'web', 'api', 'true', '{pod.name}'),
        port: fc.constantFrom('http', '80', '8080'),
        tags: text,
        drain: fc.constantFrom('critical', 'warning', 'deregister'),
        address: fc.constantFrom('pod', 'host', 'node-external'),
        maintenance: fc.constant('reason'),
        'health-url': fc.constant('/x'),
      },
      { requiredKeys: ['service'] },
    ),
  ),
  some(
    fc.record({
      services: fc.constantFrom(
        '[{service: web, port: 1}, {service: web}, 3]',
        '[{service: web}, {service: api}]',
      ),
    }),
    2,
  ),
  some(fc.record({ service: word, port: text, services: text }, { requiredKeys: [] }), 1),
  some(
    fc.dictionary(fc.constantFrom('service', 'port', 'meta.a', 'check', 'maintenance', '__proto__'), text),
    1,
  ),
);
const v4 = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3');
const v6 = fc.constantFrom('fd00::1', 'fd00::2');
const ips = fc.oneof(
  some(fc.tuple(v4)),
  some(fc.tuple(v4, v6)),
  some(fc.tuple(v6, v4), 2),
  some(fc.constant<string[]>([]), 1),
);
const port = fc.record({
  name: fc.constantFrom('http', 'http', 'api', ''),
  port: fc.integer({ min: 1, max: 65_535 }),
  protocol: word,
});

/** Uids differ in their first eight digits, as random ones do. */
const uidOf = (index: number): string =>
  `${(index + 1).toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;

const podPart = fc.record({
  namespace: fc.constantFrom('shop', 'shop-a', 'ops'),
  name: fc.oneof(some(fc.constantFrom('web', 'a-web', 'a.web', 'a.web.1', 'b')), some(hostile, 1)),
  node: fc.constantFrom('n1', 'n1', 'n1', 'endpoints', ''),
  ips,
  hostIps: ips,
  phase: fc.constantFrom('Running', 'Running', 'Running', 'Running', 'Pending', 'Failed'),
  deleting: fc.boolean(),
  ready: fc.boolean(),
  containersReady: fc.boolean(),
  reason: text,
  message: text,
  gates: fc.array(
    fc.record({ type: fc.constantFrom('kube-registrar.io/registered', 'x/y'), status: fc.boolean() }),
    { maxLength: 2 },
  ),
  ports: fc.array(port, { minLength: 1, maxLength: 2 }),
  labels: fc.dictionary(word, text),
  annotations,
});
const http = { name: 'http', port: 8080, protocol: 'TCP' };
const servicePart = fc.record({
  namespace: fc.constantFrom('shop', 'shop', 'shop', 'ops'),
  name: fc.constantFrom('search', 'web', 'api'),
  deleting: fc.constantFrom(false, false, false, true),
  ports: fc.oneof(some(fc.constant([http])), some(fc.array(port, { maxLength: 2 }), 2)),
  annotations,
});
const endpointPart = fc.record({
  addresses: fc.oneof(some(fc.tuple(fc.oneof(v4, v6))), some(fc.constant<string[]>([]), 1)),
  node: fc.constantFrom('n1', 'n1', 'n1', ''),
  zone: text,
  ready: fc.boolean(),
  serving: fc.boolean(),
  terminating: fc.boolean(),
  podName: fc.constantFrom('', 'web', 'a-web'),
  podUid: fc.constantFrom(...[0, 1].map(uidOf)),
});
const slicePart = fc.record({
  namespace: fc.constantFrom('shop', 'shop', 'shop', 'ops'),
  name: fc.constantFrom('s1', 's2', 's3', 's4'),
  service: fc.constantFrom('search', 'search', 'web', 'api', ''),
  addressType: fc.constantFrom('IPv4', 'IPv4', 'IPv6', 'IPv6', 'FQDN'),
  ports: fc.oneof(some(fc.constant([http])), some(fc.array(port, { maxLength: 2 }), 2)),
  endpoints: fc.array(endpointPart, { minLength: 1, maxLength: 5 }),
});

const key = ({ namespace, name }: { namespace: string; name: string }): string => `${namespace}/${name}`;
const cluster: fc.Arbitrary<Required<Omit<Records, 'routes' | 'gateways'>>> = fc.record({
  pods: fc
    .uniqueArray(podPart, { selector: key, maxLength: 6 })
    .map((parts) => parts.map((part, index): PodRecord => pod({ ...part, uid: uidOf(index) }))),
  services: fc
    .uniqueArray(servicePart, { selector: key, minLength: 1, maxLength: 4 })
    .map((parts) => parts.map((part): ServiceRecord => service({ ...part, uid: `service ${key(part)}` }))),
  slices: fc.uniqueArray(slicePart, { selector: key, minLength: 1, maxLength: 4 }).map((parts) =>
    parts.map(
      (part): EndpointSliceRecord =>
        slice({
          ...part,
          uid: `slice ${key(part)}`,
          endpoints: part.endpoints.map(
            (one): Endpoint => endpoint(one.podName === '' ? { ...one, podUid: '' } : one),
          ),
        }),
    ),
  ),
  nodes: fc.constantFrom([], [kubeNode()], [kubeNode({ externalIps: [], ready: 'Unknown', zone: '' })]),
});

const all = (records: Records): DesiredNode[] => {
  const desired = createDesired(options);
  return nodeNames.map((name) => desired(name, view(records)));
};

/** Plain values, so that the order of instances and of meta keys counts too. */
const asText = (nodes: readonly DesiredNode[]): string =>
  JSON.stringify(nodes.map((node) => ({ ...node, instances: [...(node.entry?.instances ?? [])] })));

describe('the desired state of any cluster', () => {
  test('is the same for the same input, remembered or not', () => {
    fc.assert(
      fc.property(cluster, (records) => {
        const remembering = createDesired(options);
        for (const name of nodeNames) {
          const first = remembering(name, view(records));
          assert.deepEqual(remembering(name, view(records)), first);
          assert.deepEqual(desiredNode(name, view(records), options), first);
        }
      }),
    );
  });

  test('does not mind the order of pods, slices, endpoints and Services', () => {
    fc.assert(
      fc.property(cluster, (records) => {
        const turned: Records = {
          pods: records.pods.toReversed(),
          services: records.services.toReversed(),
          slices: records.slices
            .toReversed()
            .map((one) => slice({ ...one, endpoints: one.endpoints.toReversed() })),
          nodes: records.nodes,
        };
        assert.equal(asText(all(turned)), asText(all(records)));
      }),
    );
  });

  test('has every instance in canonical form, under its own id', () => {
    fc.assert(
      fc.property(cluster, (records) => {
        for (const { entry } of all(records)) {
          const ids = [...(entry?.instances.keys() ?? [])];
          assert.deepEqual(ids, ids.toSorted());
          for (const [id, instance] of entry?.instances ?? []) {
            assert.equal(id, instance.id);
            assert.match(id, /^[A-Za-z0-9.-]+$/);
            assert.match(instance.service, /^[A-Za-z0-9-]{1,63}$/);
            assert.notEqual(instance.address, '');
            assert.ok(instance.port >= 1 && instance.port <= 65_535);
            assert.deepEqual(instance.tags, [...new Set(instance.tags)].sort());
            const keys = Object.keys(instance.meta);
            assert.ok(keys.length <= 64);
            assert.deepEqual(
              keys.filter((name) => !/^\d+$/.test(name)),
              keys.filter((name) => !/^\d+$/.test(name)).sort(),
            );
            const checks = instance.checks.map((check) => check.id);
            assert.deepEqual(checks, checks.toSorted());
            for (const check of checks) assert.ok(check.includes(id));
          }
        }
      }),
    );
  });

  test('never gives two pods one id', () => {
    fc.assert(
      fc.property(cluster, (records) => {
        const owner = new Map<string, string>();
        for (const one of records.pods) {
          for (const [id] of desiredNode(one.node, view({ pods: [one] }), options).entry?.instances ?? []) {
            assert.equal(owner.get(id), undefined);
            owner.set(id, one.uid);
          }
        }
      }),
    );
  });

  test('gives a pod what it would have alone, whatever its neighbours are', () => {
    fc.assert(
      fc.property(cluster, ({ pods, nodes }) => {
        const together = createDesired(options)('n1', view({ pods, nodes })).entry?.instances;
        for (const one of pods.filter(({ node }) => node === 'n1')) {
          const alone =
            desiredNode('n1', view({ pods: [one], nodes }), options).entry?.instances ?? new Map();
          for (const [id, instance] of alone) assert.deepEqual(together?.get(id), instance);
        }
      }),
    );
  });

  test('never wants the instances of a broken declaration gone', () => {
    fc.assert(
      fc.property(cluster, (records) => {
        for (const node of all(records)) if (node.stale.length > 0) assert.ok(node.entry);
      }),
    );
  });
});

describe('createDesired()', () => {
  test('gives unchanged records the very same instances', () => {
    const desired = createDesired(options);
    const [stays, changes] = [
      pod(),
      pod({ name: 'other', uid: '2f0c9a3e-0000-4000-8000-000000000002', ips: ['10.0.0.2'] }),
    ];
    const services = [service()];
    const slices = [
      slice({ endpoints: [endpoint({ podName: 'p', podUid: '3f0c9a3e', addresses: ['10.0.0.3'] })] }),
    ];
    const before = desired('n1', view({ pods: [stays, changes], services, slices })).entry?.instances;
    const changed = pod({ ...changes, ready: false });
    const nodes = [kubeNode({ resourceVersion: '2' })];
    const after = desired('n1', view({ pods: [stays, changed], services, slices, nodes })).entry?.instances;
    const same = [...(after ?? [])].filter(([id, instance]) => before?.get(id) === instance);
    assert.equal(after?.size, 3);
    assert.equal(same.length, 2);
  });

  test('gives an endpoint that stays the very same instance when another of its slice changes', () => {
    const desired = createDesired(options);
    const [one, two] = [
      endpoint({ podName: 'p', podUid: '3f0c9a3e', addresses: ['10.0.0.3'] }),
      endpoint({ podName: 'q', podUid: '4f0c9a3e', addresses: ['10.0.0.4'] }),
    ];
    const before = slice({ endpoints: [one, two] });
    const services = [service()];
    const instances = (changed: Partial<typeof before>) => {
      const slices = [{ ...before, resourceVersion: '2', ...changed }];
      return [...(desired('n1', view({ services, slices })).entry?.instances.values() ?? [])];
    };
    const [first, second] = instances({});
    const [firstAgain, secondAgain] = instances({ endpoints: [one, { ...two, ready: false }] });
    assert.equal(firstAgain, first);
    assert.notEqual(secondAgain, second);
    const ports = before.ports.map((port) => ({ ...port, port: port.port + 1 }));
    assert.equal(instances({ ports })[0]!.port, first!.port + 1, 'another port is seen');
  });

  test('looks again when the node, the Service or a pod behind an endpoint changes', () => {
    const desired = createDesired(options);
    const tags = '{node.zone},{pod.label.app}';
    const records = {
      pods: [pod({ annotations: {} })],
      services: [service({ annotations: { service: 'true', tags } })],
      slices: [slice()],
    };
    const tagsOf = (changed: Records) =>
      [...(desired('n1', view({ ...records, ...changed })).entry?.instances.values() ?? [])].map(
        (one) => one.tags,
      );
    assert.deepEqual(tagsOf({}), [['web', 'z1']]);
    assert.deepEqual(tagsOf({ nodes: [kubeNode({ zone: 'z2' })] }), [['web', 'z2']]);
    assert.deepEqual(tagsOf({ pods: [pod({ annotations: {}, labels: { app: 'v2' } })] }), [['v2', 'z1']]);
    assert.deepEqual(tagsOf({ services: [service({ annotations: { service: 'true', tags: 'x' } })] }), [
      ['x'],
    ]);
  });
});
