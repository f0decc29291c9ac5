import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serialize } from 'node:v8';
import type { KubernetesObject } from '@kubernetes/client-node';
import fc from 'fast-check';
import {
  endpoint,
  gateway,
  httpRoute,
  ingress,
  listener,
  options,
  parent,
  service,
  slice,
  view,
} from '../../test/support/cluster-records.ts';
import { prefix } from '../../test/support/hostile-objects.ts';
import {
  hugeObject,
  type JsonObject,
  type WholeKind,
  wholeObjects,
  wrongObjects,
} from '../../test/support/hostile-sources.ts';
import { type LogLine, recorder } from '../../test/support/log-recorder.ts';
import { operations } from '../../test/support/operations.ts';
import { desiredNode } from '../desired/desired.ts';
import { createHostList } from '../desired/host-list.ts';
import { createLabelRules } from '../desired/label-rules.ts';
import type { DesiredOptions } from '../desired/options.ts';
import { createSync } from '../desired/sync-rules.ts';
import { visible } from '../lib/visible.ts';
import type { GatewayRecord } from '../model/gateway.ts';
import type { Instance } from '../model/instance.ts';
import type { NamespaceRecord } from '../model/namespace.ts';
import type { Problem } from '../model/problem.ts';
import { type RouteRecord, routeKinds } from '../model/route.ts';
import type { ServiceRecord } from '../model/service.ts';
import { Projector } from './reflector/projector.ts';
import { InternPool } from './store/intern-pool.ts';
import { gatewayProjection } from './store/project-gateway.ts';
import { namespaceProjection } from './store/project-namespace.ts';
import { routeProjection } from './store/project-route.ts';
import { serviceProjection } from './store/project-service.ts';
import { ScopedRecords } from './store/scoped-records.ts';

const kinds = Object.keys(wholeObjects) as WholeKind[];
const all = (): boolean => true;

/** The projection of each kind, as the reflectors have it. */
function projectionOf(kind: WholeKind): (object: KubernetesObject) => object {
  const pool = new InternPool();
  switch (kind) {
    case 'Gateway':
      return gatewayProjection(pool);
    case 'Service':
      return serviceProjection(prefix, pool, [], { selector: 'team', uses: all }) as (
        object: KubernetesObject,
      ) => object;
    case 'Namespace':
      return namespaceProjection(prefix, pool, 'team=a') as (object: KubernetesObject) => object;
    default:
      return routeProjection(kind, prefix, pool, all);
  }
}

/** The record of an object, or undefined when it cannot be read: the log says so then. */
function read(kind: WholeKind, object: JsonObject): object | undefined {
  const log: LogLine[] = [];
  const record = new Projector(projectionOf(kind), recorder(log)).record(object as KubernetesObject);
  if (record === undefined) assert.equal(log[0]?.fields['reason'], 'BadObject');
  return record;
}

const desiredOptions: DesiredOptions = {
  ...options,
  probes: { deregisterCriticalAfterMs: 60_000 },
  literalAddresses: createHostList(['203.0.113.0/24']),
  naming: { template: '{namespace}-{name}', explicit: true },
  labelRules: createLabelRules({
    toTags: [{ label: '*', tag: '{name}={value}' }],
    toMeta: [{ label: '*', key: '{key}' }],
  })!,
};

const listeners = [listener(), listener({ name: 'tls', port: 8443, protocol: 'TLS' })];
const goodGateway = gateway({ name: 'good', uid: 'g2' });
const goodSlice = slice({ endpoints: [endpoint({ podName: '', podUid: '' })] });
const balanced = { service: 'balanced', address: 'load-balancer' };
/** The neighbours, which have an instance each. */
const good = {
  routes: [
    ingress({ name: 'good', uid: 'i2', annotations: { service: 'good-ingress' } }),
    httpRoute({
      name: 'good',
      uid: 'r2',
      annotations: { service: 'good-route' },
      parents: [parent({ name: 'good' })],
    }),
  ],
  services: [
    service({
      name: 'good',
      type: 'LoadBalancer',
      loadBalancer: [{ host: '203.0.113.77', ipMode: '' }],
      annotations: balanced,
      selects: false,
    }),
    service({ uid: 's3' }),
  ],
};

interface Work {
  readonly instances: readonly Instance[];
  readonly problems: readonly Problem[];
}

/** All that is done with the records of one object, beside its neighbours. */
function workOn(kind: WholeKind, record: object | undefined): Work {
  const sync = createSync({
    default: 'services',
    namespaces: { selector: 'team=a' },
    serviceTypes: ['ClusterIP', 'LoadBalancer', 'NodePort'],
    namespaceAnnotations: ['*'],
  })!;
  const namespace = kind === 'Namespace' ? (record as NamespaceRecord | undefined) : undefined;
  const healthy = { uid: 'n', resourceVersion: '1', labels: { team: 'a' }, annotations: {} };
  const scoped = new ScopedRecords(sync, new InternPool(), (name) =>
    name === 'default' && kind === 'Namespace' ? namespace : { ...healthy, name },
  );
  const own = <R>(...of: readonly WholeKind[]): R[] =>
    record !== undefined && of.includes(kind) ? [record as R] : [];
  // What is in a hostile namespace.
  const tenants = kind === 'Namespace' ? [ingress({ namespace: 'default', uid: 'i3' })] : [];
  const routes = [...good.routes, ...tenants, ...own<RouteRecord>(...routeKinds)];
  if (kind === 'Gateway') routes.push(httpRoute());
  const records = view({
    routes: routes.map((route) => scoped.route(route)),
    gateways: [
      goodGateway,
      ...own<GatewayRecord>('Gateway'),
      ...(kind === 'Gateway' ? [] : [gateway({ namespace: 'default', listeners })]),
    ],
    services: [...good.services, ...own<ServiceRecord>('Service')].map((each) => scoped.service(each)),
    slices: [goodSlice],
  });
  const problems = [...scoped.of('default').problems];
  const nodes = ['', 'n1'].map((name) => desiredNode(name, records, desiredOptions));
  return {
    instances: nodes.flatMap(({ entry }) => [...(entry?.instances.values() ?? [])]),
    problems: [...problems, ...nodes.flatMap((node) => node.problems)],
  };
}

const neighbours = (kind: WholeKind) => workOn(kind, undefined).instances;

/** Fails where a part of the record is of another type than in the record of a good object. */
function assertLike(value: unknown, sample: unknown, at: string): void {
  if (Array.isArray(sample)) {
    assert.ok(Array.isArray(value), `${at} is a list`);
    for (const [index, each] of value.entries()) assertLike(each, sample[0] ?? each, `${at}[${index}]`);
    return;
  }
  assert.equal(value === null ? 'null' : typeof value, typeof sample, at);
  if (typeof value === 'number') assert.ok(Number.isSafeInteger(value), `${at} is a whole number`);
  if (typeof sample !== 'object') return;
  const isRecord = Object.keys(value as object).some((key) => key in (sample as object));
  for (const [key, each] of Object.entries(value as object)) {
    const expected = (sample as Record<string, unknown>)[key];
    // Keys of labels and annotations are free; their values are text.
    assertLike(each, expected ?? (isRecord ? each : ''), `${at}.${key}`);
  }
}

for (const kind of kinds) {
  const sample = wholeObjects[kind];

  describe(`an object of kind ${kind}`, () => {
    test('is read when it is as it should be', () => {
      const record = read(kind, sample);
      assert.ok(record !== undefined);
      assert.notDeepEqual(workOn(kind, record), workOn(kind, undefined));
    });

    test('with wrong types, texts and lists becomes a record of the right types, or none', () => {
      const expected = read(kind, sample);
      fc.assert(
        fc.property(wrongObjects(sample), (object) => {
          const record = read(kind, object);
          if (record !== undefined) assertLike(record, expected, kind);
        }),
        { numRuns: 400 },
      );
    });

    test('with wrong types, texts and lists takes nothing from its neighbours, and shows no hidden characters', () => {
      const expected = neighbours(kind);
      assert.ok(expected.length >= 4);
      fc.assert(
        fc.property(wrongObjects(sample), (object) => {
          const { instances, problems } = workOn(kind, read(kind, object));
          const found = new Map(instances.map((instance) => [instance.id, instance]));
          for (const instance of expected) assert.deepEqual(found.get(instance.id), instance);
          assert.ok(instances.length <= expected.length + 256, `${instances.length} instances`);
          assert.ok(problems.length <= 256, `${problems.length} problems`);
          for (const { id, address, port, meta, checks } of instances) {
            assert.ok(Number.isInteger(port) && port >= 1 && port <= 65_535, `port ${port}`);
            const own = Object.entries(meta).filter(([key]) => key.startsWith('kube-'));
            const texts = [id, address, ...own.flat(), ...checks.map(({ output }) => output)];
            for (const text of texts) assert.equal(text, visible(text));
          }
        }),
        { numRuns: 150 },
      );
    });

    test('that is huge leaves a record of at most 128 KB', () => {
      for (const length of [3, 200, 1_000]) {
        const record = read(kind, hugeObject(sample, 300, length));
        assert.ok(record !== undefined);
        const bytes = serialize(record).length;
        assert.ok(bytes <= 131_072, `${bytes} bytes`);
      }
    });

    test('that is huge takes no more operations for the plan than one that is large', async () => {
      const [large, huge] = [100, 10_000].map((count) => read(kind, hugeObject(sample, count, 3)));
      assert.ok(large !== undefined && huge !== undefined);
      const few = await operations(() => void workOn(kind, large));
      const many = await operations(() => void workOn(kind, huge));
      assert.ok(few > 1_000, 'it is measured');
      assert.ok(many <= 3 * few && many <= 400_000, `${few} and ${many} operations`);
    });

    test('is read in a time that grows at most with its size, in operations', async () => {
      const [large, huge] = [2_000, 20_000].map((count) => hugeObject(sample, count, 3));
      const few = await operations(() => void read(kind, large!));
      const many = await operations(() => void read(kind, huge!));
      assert.ok(many <= 11 * few, `${few} and ${many} operations`);
    });
  });
}
