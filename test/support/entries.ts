import fc from 'fast-check';
import type { Check, CheckStatus } from '../../src/model/check.ts';
import type { DesiredNode, StaleSource } from '../../src/model/desired-node.ts';
import type { Instance } from '../../src/model/instance.ts';
import { checkId, clusterUid, consulNodeName, instanceId, serviceName } from '../../src/model/keys.ts';
import type { NodeEntry } from '../../src/model/node-entry.ts';
import { apply } from '../../src/plan/apply.ts';
import type { Change } from '../../src/plan/change.ts';
import { writtenCheck } from '../../src/plan/fields.ts';
import type { ObservedNode, StoredEntry } from '../../src/plan/observed.ts';

/** Entries for tests of plan/ and consul/. Every function makes a valid one; overrides make the case. */
export const owner = clusterUid('c0ffee00-0000-4000-8000-000000000001');
export const nodeName = consulNodeName('demo-worker-1');

export function readiness(id: string, status: CheckStatus = 'passing', output = ''): Check {
  return {
    id: checkId(`${id}:readiness`),
    name: 'Kubernetes readiness',
    type: 'kubernetes-readiness',
    status,
    output,
  };
}

export function instance(id: string, overrides: Partial<Instance> = {}): Instance {
  return {
    id: instanceId(id),
    service: serviceName('web'),
    address: '10.0.0.1',
    port: 8080,
    tags: ['a', 'b'],
    meta: {
      'external-source': 'kubernetes',
      'kube-cluster': 'demo',
      'kube-namespace': 'shop',
      'kube-pod-uid': `uid-of-${id}`,
    },
    weights: { passing: 1, warning: 1 },
    taggedAddresses: {},
    checks: [readiness(id)],
    ...overrides,
  };
}

export function entry(instances: readonly Instance[], overrides: Partial<NodeEntry> = {}): NodeEntry {
  return {
    name: nodeName,
    address: '192.168.0.1',
    taggedAddresses: {},
    meta: { 'managed-by': 'kube-registrar', 'kube-cluster-uid': owner, 'kube-node': 'worker-1' },
    checks: [
      {
        id: checkId('kubernetes-node'),
        name: 'Kubernetes node',
        type: 'kubernetes-node',
        status: 'passing',
        output: '',
      },
    ],
    instances: new Map(instances.map((each) => [each.id, each])),
    ...overrides,
  };
}

export function desired(of: NodeEntry | undefined, stale: readonly StaleSource[] = []): DesiredNode {
  return { name: of?.name ?? nodeName, entry: of, stale, problems: [] };
}

/** What Consul would hold after the changes, every entry with this ModifyIndex. */
export function applied(
  observed: ObservedNode | undefined,
  changes: readonly Change[],
  index = 100,
): ObservedNode | undefined {
  return changes.reduce(
    (node, change) => apply(node, [{ change, entries: storedBy(change, node, index) }]),
    observed,
  );
}

/** What Consul holds once the entry is written. */
export function observed(of: NodeEntry, index = 10): ObservedNode {
  const { name: node, address, taggedAddresses, meta } = of;
  const about = { node, effect: 'create' } as const;
  const result = applied(
    undefined,
    [
      { ...about, kind: 'put-node', modifyIndex: 0, address, taggedAddresses, meta },
      ...of.checks.map((check) => ({ ...about, kind: 'put-node-check', check }) as const),
      ...[...of.instances.values()].map(
        (each) => ({ ...about, kind: 'put-instance', instance: each }) as const,
      ),
    ],
    index,
  );
  if (result === undefined) throw new Error('a node was put');
  return result;
}

function storedBy(change: Change, node: ObservedNode | undefined, modifyIndex: number): StoredEntry[] {
  const stored = (check: Check, on?: Omit<Instance, 'checks'>): StoredEntry => ({
    kind: 'check',
    check: { ...writtenCheck(check, on), id: check.id, modifyIndex },
    instance: on?.id,
  });
  switch (change.kind) {
    case 'put-node': {
      const { node: name, address, taggedAddresses, meta } = change;
      const createIndex = 1;
      return [{ kind: 'node', node: { name, address, taggedAddresses, meta, createIndex, modifyIndex } }];
    }
    case 'put-node-check':
      return [stored(change.check)];
    case 'put-instance': {
      const { checks, ...fields } = change.instance;
      return [
        { kind: 'instance', instance: { ...fields, modifyIndex } },
        ...checks.map((check) => stored(check, change.instance)),
      ];
    }
    case 'put-check':
      return [stored(change.check, node?.instances.get(change.instance))];
    case 'delete-check':
    case 'delete-instance':
    case 'delete-node':
      return [];
  }
}

const text = fc.constantFrom('', 'x', 'y', 'zz');
const status = fc.constantFrom<CheckStatus>('passing', 'warning', 'critical');
const meta = fc.dictionary(fc.constantFrom('team', 'protocol'), text, { noNullPrototype: true });

const anyInstance = (id: string): fc.Arbitrary<Instance> =>
  fc
    .record({
      service: fc.constantFrom('web', 'api').map(serviceName),
      address: fc.constantFrom('10.0.0.1', '10.0.0.2'),
      port: fc.constantFrom(80, 8080),
      tags: fc.uniqueArray(fc.constantFrom('a', 'b', 'c')).map((tags) => tags.sort()),
      meta,
      weights: fc.record(
        { passing: fc.integer({ min: 1, max: 2 }), warning: fc.constant(1) },
        { noNullPrototype: true },
      ),
      taggedAddresses: fc.dictionary(
        fc.constantFrom('lan_ipv4', 'lan_ipv6'),
        fc.record({ address: text, port: fc.constant(80) }, { noNullPrototype: true }),
        { noNullPrototype: true },
      ),
      status,
      output: text,
      maintenance: fc.boolean(),
    })
    .map(({ status, output, maintenance, meta, ...fields }) => {
      const checks = [readiness(id, status, output)];
      if (maintenance) checks.unshift({ ...readiness(id), id: checkId(`_service_maintenance:${id}`) });
      const base = instance(id);
      return { ...base, ...fields, meta: { ...base.meta, ...meta }, checks };
    });

/** Any wanted state of one node, with few different values so that two of them often agree. */
export const anyEntry: fc.Arbitrary<NodeEntry> = fc
  .record({
    address: fc.constantFrom('192.168.0.1', '192.168.0.2'),
    meta,
    status,
    ids: fc.uniqueArray(fc.constantFrom<string>('i1', 'i2', 'i3', 'i4')),
    pool: fc.tuple(anyInstance('i1'), anyInstance('i2'), anyInstance('i3'), anyInstance('i4')),
  })
  .map(({ address, meta, status, ids, pool }) => {
    const base = entry(pool.filter(({ id }) => ids.includes(id)));
    const checks = base.checks.map((check) => ({ ...check, status }));
    return { ...base, address, meta: { ...base.meta, ...meta }, checks };
  });
