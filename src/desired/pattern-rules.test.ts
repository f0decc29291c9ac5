import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { options, pod, service, slice, view } from '../../test/support/cluster-records.ts';
import { desiredNode } from './desired.ts';
import { createPatternRules } from './pattern-rules.ts';

const routers = ['urlprefix-*', 'traefik.*'];
const edgeOnly = [
  { namespaces: ['edge'], allow: routers, deny: [] },
  { namespaces: ['*'], allow: [], deny: routers },
];

describe('createPatternRules()', () => {
  test('the first rule with a pattern that fits decides', () => {
    const denied = createPatternRules(edgeOnly);
    assert.equal(denied('edge', 'urlprefix-/a'), undefined);
    assert.equal(denied('shop', 'urlprefix-/a'), 'urlprefix-*');
    assert.equal(denied('shop', 'Traefik.Enable=true'), 'traefik.*');
    assert.equal(denied('shop', 'public'), undefined, 'what no pattern fits is allowed');
    const turned = createPatternRules([...edgeOnly].reverse());
    assert.equal(turned('edge', 'urlprefix-/a'), 'urlprefix-*');
  });

  test('in one rule, deny comes before allow', () => {
    const denied = createPatternRules([
      { namespaces: ['shop'], allow: ['a*'], deny: ['ab'] },
      { namespaces: ['shop'], allow: [], deny: ['*'] },
    ]);
    assert.equal(denied('shop', 'ab'), 'ab');
    assert.equal(denied('shop', 'ac'), undefined);
    assert.equal(denied('shop', 'x'), '*');
    assert.equal(denied('other', 'x'), undefined);
  });
});

describe('the desired state with rules for tags and meta', () => {
  const rules = {
    ...options,
    tagRules: createPatternRules(edgeOnly),
    metaRules: createPatternRules([{ namespaces: ['*'], allow: [], deny: ['route_*', 'health_url'] }]),
  };
  const annotations = {
    service: 'web',
    tags: 'public,urlprefix-/pay,traefik.enable=true',
    'meta.Route_1': 'x',
    'health-url': '/up',
  };

  test('everything denied to a pod is reported; it is not registered, and keeps what it has', () => {
    const { entry, stale, problems } = desiredNode('n1', view({ pods: [pod({ annotations })] }), rules);
    assert.deepEqual([entry?.instances.size, stale.length], [0, 1]);
    assert.deepEqual(
      problems
        .filter(({ severity }) => severity === 'error')
        .map(({ reason, field, message }) => [reason, field, message]),
      [
        ['tags', 'tag "traefik.enable=true"', 'traefik.*'],
        ['tags', 'tag "urlprefix-/pay"', 'urlprefix-*'],
        ['meta.Route_1', 'meta key "Route_1"', 'route_*'],
        ['health-url', 'meta key "health_url"', 'health_url'],
      ]
        .sort(([a], [b]) => (a! < b! ? -1 : 1))
        .map(([field, what, pattern]) => [
          'AnnotationDenied',
          field,
          `${what} is denied to namespace "shop" by "${pattern}" in the configuration; remove it`,
        ]),
    );
  });

  test('the namespace that may is registered, and so is an entry of a list that asks for nothing denied', () => {
    const list = '[{ service: a, tags: urlprefix-x }, { service: b, tags: blue }]';
    const of = (namespace: string) => {
      const record = pod({ namespace, annotations: { services: list } });
      const node = desiredNode('n1', view({ pods: [record] }), rules);
      return [...(node.entry?.instances.values() ?? [])].map((instance) => instance.service);
    };
    assert.deepEqual(of('edge'), ['a', 'b']);
    assert.deepEqual(of('shop'), ['b']);
  });

  test('what is denied to a Service is reported, and its endpoints keep what they have', () => {
    const services = [service({ annotations: { service: 'true', tags: 'urlprefix-/x' } })];
    const node = desiredNode('n1', view({ services, slices: [slice()] }), rules);
    const denied = node.problems.filter(({ reason }) => reason === 'AnnotationDenied');
    assert.deepEqual(
      denied.map(({ object, field }) => [object.kind, field]),
      [['Service', 'tags']],
    );
    assert.deepEqual([node.entry?.instances.size, node.stale.length], [0, 1]);
  });

  test('of hundreds of denied tags a few are named', () => {
    const tags = Array.from({ length: 60 }, (_, index) => `urlprefix-${index}`).join();
    const record = pod({ annotations: { service: 'web', tags } });
    const { problems } = desiredNode('n1', view({ pods: [record] }), rules);
    assert.equal(problems.filter(({ reason }) => reason === 'AnnotationDenied').length, 8);
  });
});
