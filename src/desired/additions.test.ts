import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  gateway,
  httpRoute,
  ingress,
  kubeNode,
  options,
  pod,
  service,
  slice,
  view,
} from '../../test/support/cluster-records.ts';
import type { Instance } from '../model/instance.ts';
import { baseTagMistake, createBaseTags } from './base-tags.ts';
import { createClaims } from './claims.ts';
import { desiredNode } from './desired.ts';
import { createLabelRules } from './label-rules.ts';
import { mostUserKeys } from './meta.ts';
import type { DesiredOptions } from './options.ts';
import { createPatternRules } from './pattern-rules.ts';
import { isDnsLabel } from './values.ts';

const ofPod = (part: Parameters<typeof pod>[0], rules: Partial<DesiredOptions>, node = kubeNode()) =>
  desiredNode('n1', view({ pods: [pod(part)], nodes: [node] }), { ...options, ...rules });

function only({ entry }: ReturnType<typeof ofPod>): Instance {
  const instances = [...(entry?.instances.values() ?? [])];
  assert.equal(instances.length, 1);
  return instances[0]!;
}

const messages = ({ problems }: ReturnType<typeof ofPod>): string[] =>
  problems.map(({ severity, field, message }) => `${severity} ${field}: ${message}`);

const labelRules = createLabelRules({
  toTags: [{ label: 'track', tag: '{value}' }],
  toMeta: [{ label: '*', key: '{name}' }],
})!;

describe('base tags', () => {
  const baseTags = createBaseTags(['k8s', 'zone-{node.zone}', '{pod.namespace}'])!;

  test('are on every instance, beside its own', () => {
    const annotations = { service: 'web', tags: 'own,k8s' };
    assert.deepEqual(only(ofPod({ annotations }, { baseTags })).tags, ['k8s', 'own', 'shop', 'zone-z1']);
  });

  test('are left out where their placeholder has no value, and nobody is blamed', () => {
    const found = ofPod({}, { baseTags }, kubeNode({ zone: '' }));
    assert.deepEqual(only(found).tags, ['k8s', 'shop']);
    assert.deepEqual(found.problems, []);
  });

  test('hold no text of a tenant', () => {
    assert.equal(baseTagMistake('{cluster.name}-{node.region}'), undefined);
    for (const tag of ['{pod.name}', '{pod.label.x}', '{x}', '{', 'a}', '{{x}}']) {
      assert.match(baseTagMistake(tag) ?? '', /placeholder/, tag);
    }
  });
});

describe('labels of a pod', () => {
  test('become tags and meta, and annotations win', () => {
    const annotations = { service: 'web', tags: 'own', 'meta.team': 'mine' };
    const labels = { track: 'canary', team: 'theirs', app: 'web' };
    const { tags, meta } = only(ofPod({ annotations, labels }, { labelRules }));
    assert.deepEqual(tags, ['canary', 'own']);
    assert.deepEqual([meta['team'], meta['app'], meta['track']], ['mine', 'web', 'canary']);
    assert.equal(meta['kube-namespace'], 'shop');
  });

  test('count as what the tenant writes: what is denied is left out, and said', () => {
    const tagRules = createPatternRules([{ namespaces: ['shop'], allow: [], deny: ['prod*'] }]);
    const rules = createLabelRules({ toTags: [{ label: '*', tag: '{value}' }], toMeta: [], tagRules })!;
    const found = ofPod({ labels: { a: 'prod-1', b: 'dev' } }, { labelRules: rules, tagRules });
    assert.deepEqual(only(found).tags, ['dev']);
    assert.deepEqual(messages(found), [
      'warning : tag "prod-1" of label "a" is left out: the configuration denies "prod*" to namespace "shop"',
    ]);
  });

  test('take only the room for meta that annotations leave', () => {
    const own = Object.fromEntries(
      Array.from({ length: mostUserKeys - 2 }, (_, index) => [`meta.k${index}`, 'x']),
    );
    const found = ofPod(
      {
        annotations: { service: 'web', 'health-url': '/up', ...own },
        labels: { a: '1', b: '2', c: '3' },
      },
      { labelRules },
    );
    const { meta } = only(found);
    assert.deepEqual([meta['a'], meta['b'], meta['c']], ['1', undefined, undefined]);
    assert.ok(meta['health_url'] !== undefined);
    assert.ok(Object.keys(meta).length <= 64);
    assert.deepEqual(messages(found), [
      `warning : meta "b", "c" from labels is left out: there are more than ${mostUserKeys} meta keys`,
    ]);
  });

  test('change nothing without rules', () => {
    const labels = { track: 'canary' };
    assert.deepEqual(ofPod({ labels }, {}), ofPod({ labels: {} }, {}));
  });
});

describe('an instance of a Service', () => {
  const ofService = (labels: Record<string, string>, podLabels: Record<string, string>) =>
    only(
      desiredNode(
        'n1',
        view({
          pods: [pod({ labels: podLabels, annotations: {} })],
          services: [service({ labels })],
          slices: [slice()],
        }),
        { ...options, labelRules },
      ),
    );

  test("has its Service's labels, and its pod's where the Service has none of that key", () => {
    const { tags, meta } = ofService({ team: 'search' }, { team: 'web', track: 'canary' });
    assert.deepEqual(tags, ['canary']);
    assert.equal(meta['team'], 'search');
  });
});

describe('an instance of an Ingress or a route', () => {
  const ofRoute = (
    part: Parameters<typeof ingress>[0],
    rules: Partial<DesiredOptions>,
    object: typeof ingress = ingress,
  ) => desiredNode('', view({ routes: [object(part)], gateways: [gateway()] }), { ...options, ...rules });

  test('has base tags as far as their placeholders have a value on no node', () => {
    const baseTags = createBaseTags(['k8s', 'zone-{node.zone}', '{pod.namespace}', '{cluster.name}'])!;
    for (const object of [ingress, httpRoute]) {
      const found = ofRoute({}, { baseTags }, object);
      assert.deepEqual(only(found).tags, ['c1', 'k8s', 'shop']);
      assert.deepEqual(found.problems, []);
    }
  });

  test('has its labels as tags and meta, and annotations win', () => {
    const annotations = { service: 'web', tags: 'own', 'meta.team': 'mine' };
    const labels = { track: 'canary', team: 'theirs', app: 'web' };
    for (const object of [ingress, httpRoute]) {
      const { tags, meta } = only(ofRoute({ annotations, labels }, { labelRules }, object));
      assert.deepEqual(tags, ['canary', 'own']);
      assert.deepEqual([meta['team'], meta['app'], meta['track']], ['mine', 'web', 'canary']);
    }
  });

  test('has at each address and port the same labels, and one warning for what is denied', () => {
    const metaRules = createPatternRules([{ namespaces: ['shop'], allow: [], deny: ['team'] }]);
    const rules = createLabelRules({ toTags: [], toMeta: [{ label: '*', key: '{name}' }], metaRules })!;
    const part = {
      labels: { team: 'a', app: 'b' },
      addresses: ['203.0.113.7', '203.0.113.8'],
      hosts: ['a.example', 'b.example'],
      tlsHosts: ['a.example'],
    };
    const found = ofRoute(part, { labelRules: rules });
    const instances = [...(found.entry?.instances.values() ?? [])];
    assert.deepEqual(
      instances.map(({ meta }) => [meta['app'], meta['team']]),
      Array.from({ length: 4 }, () => ['b', undefined]),
    );
    assert.deepEqual(messages(found), [
      'warning : meta key "team" of label "team" is left out: the configuration denies "team" to namespace "shop"',
    ]);
  });

  test('has its labels read once, however many addresses it has', () => {
    let read = 0;
    const counting: DesiredOptions['labelRules'] = {
      uses: labelRules.uses,
      of: (...given) => {
        read += 1;
        return labelRules.of(...given);
      },
    };
    const addresses = Array.from({ length: 64 }, (_, index) => `203.0.113.${index}`);
    const found = ofRoute({ addresses, labels: { team: 'a' } }, { labelRules: counting });
    assert.equal(found.entry?.instances.size, 64);
    assert.equal(read, 1);
  });

  test('is named by the template where it asks for no name', () => {
    const naming = { template: '{namespace}-{name}', explicit: false };
    for (const object of [ingress, httpRoute]) {
      const own = only(ofRoute({ annotations: { service: 'true' } }, { naming }, object));
      assert.equal(own.service, 'shop-web');
      assert.equal(only(ofRoute({}, { naming }, object)).service, 'web');
      const explicit = { naming: { ...naming, explicit: true } };
      assert.equal(only(ofRoute({}, explicit, object)).service, 'shop-web');
    }
  });
});

describe('the zone of an instance', () => {
  test('and its region are in its own meta, where they are known', () => {
    const { meta } = only(ofPod({}, {}));
    assert.deepEqual([meta['kube-zone'], meta['kube-region']], ['z1', 'r1']);
    const unknown = only(ofPod({}, { namespaced: true })).meta;
    assert.deepEqual([unknown['kube-zone'], unknown['kube-region']], [undefined, undefined]);
  });
});

describe('naming.template', () => {
  const ofService = (
    naming: DesiredOptions['naming'],
    name = 'search',
    annotations: Record<string, string> = { service: 'true' },
    claims = createClaims([]),
  ) =>
    desiredNode(
      'n1',
      view({
        pods: [pod({ annotations: {} })],
        services: [service({ name, annotations })],
        slices: [slice({ service: name })],
      }),
      { ...options, claims, ...(naming === undefined ? {} : { naming }) },
    );
  const template = '{namespace}-{name}-k8s';

  test('makes the name of a Service that gives none', () => {
    assert.equal(only(ofService({ template, explicit: false })).service, 'shop-search-k8s');
    const own = { service: 'other' };
    assert.equal(only(ofService({ template, explicit: false }, 'search', own)).service, 'other');
  });

  test('makes every name when it is to', () => {
    const naming = { template, explicit: true };
    assert.equal(only(ofService(naming, 'search', { service: 'other' })).service, 'shop-other-k8s');
    assert.equal(only(ofPod({}, { naming })).service, 'shop-web-k8s');
    const { service: name } = only(ofPod({ namespace: 'pay' }, { naming }));
    assert.equal(name, 'pay-web-k8s');
  });

  test('makes the name of what is registered by default, and of no other with these annotations', () => {
    const naming = { template, explicit: false };
    const [annotations, uid] = [{ service: 'web' }, '2f0c9a3e-0000-4000-8000-000000000001'];
    const byDefault = pod({ name: 'b', uid, annotations, scope: { byDefault: true } });
    const pods = [
      pod({ name: 'a', annotations }),
      byDefault,
      pod({ name: 'c', uid: uid.replace('2', '3'), annotations }),
    ];
    const { entry } = desiredNode('n1', view({ pods }), { ...options, naming });
    assert.deepEqual(
      [...(entry?.instances.values() ?? [])].map(({ meta, service: name }) => [meta['kube-pod'], name]),
      [
        ['a', 'web'],
        ['b', 'shop-web-k8s'],
        ['c', 'web'],
      ],
    );
  });

  test('gives the name that port "*" adds to', () => {
    const every = ofService({ template, explicit: false }, 'search', { service: 'true', port: '*' });
    assert.equal(only(every).service, 'shop-search-k8s-api');
  });

  test('is refused where the result is too long, with the template and the field', () => {
    const name = 'a'.repeat(60);
    assert.deepEqual(messages(ofService({ template: '{namespace}-{name}', explicit: false }, name)), [
      `error service: service "${name}" becomes "shop-${'a'.repeat(55)}…" by naming.template "{namespace}-{name}", which is not usable in DNS (letters, digits and hyphens, at most 63; it has 65); write another name`,
    ]);
  });

  test('leaves the result to the claims', () => {
    const claims = createClaims([{ namespaces: ['other'], services: ['shop-*'] }]);
    const found = ofService({ template, explicit: false }, 'search', { service: 'true' }, claims);
    assert.match(messages(found).join(), /^error service: service "shop-search-k8s" is claimed by/);
  });

  test('registers a usable name or none, whatever the template and the names are', () => {
    const part = fc.constantFrom('{namespace}', '-', 'k8s', 'X', '9');
    const templates = fc
      .tuple(fc.array(part, { maxLength: 3 }), fc.array(part, { maxLength: 3 }))
      .map(([before, after]) => `${before.join('')}{name}${after.join('')}`);
    const names = fc.oneof(fc.constantFrom('a', 'a-b', 'x'.repeat(63), '{namespace}', '$&'), fc.string());
    fc.assert(
      fc.property(templates, names, fc.boolean(), (given, name, explicit) => {
        const found = ofService({ template: given, explicit }, name);
        const instances = [...(found.entry?.instances.values() ?? [])];
        const expected = given.replaceAll('{namespace}', 'shop').split('{name}').join(name);
        if (isDnsLabel(name) && isDnsLabel(expected)) {
          assert.deepEqual(
            instances.map((instance) => instance.service),
            [expected],
          );
        } else {
          assert.deepEqual(instances, []);
          assert.match(messages(found).join(), /^error service: service /);
        }
      }),
    );
  });
});
