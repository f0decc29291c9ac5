import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createLabelRules, type LabelRulesOptions, labelMetaMistake } from './label-rules.ts';
import { autoMeta } from './meta.ts';
import { createPatternRules } from './pattern-rules.ts';

const rules = (options: Partial<LabelRulesOptions>) =>
  createLabelRules({ toTags: [], toMeta: [], ...options })!;

const told = (options: Partial<LabelRulesOptions>, labels: Readonly<Record<string, string>>) =>
  rules(options)
    .of(labels, 'shop')
    .mistakes.map(({ severity, field, message }) => `${severity} ${field}: ${message}`);

const denying = (...deny: string[]) => createPatternRules([{ namespaces: ['shop'], allow: [], deny }]);

describe('createLabelRules()', () => {
  const labels = {
    'app.kubernetes.io/name': 'web',
    'app.kubernetes.io/part-of': 'shop',
    team: 'pay',
    track: '',
  };

  test('is undefined without rules', () => {
    assert.equal(createLabelRules({ toTags: [], toMeta: [] }), undefined);
  });

  test('makes tags of labels, exact and by pattern', () => {
    const toTags = [
      { label: 'team', tag: 'team-{value}' },
      { label: 'app.kubernetes.io/*', tag: '{name}={value}' },
      { label: 'track', tag: '{key}' },
    ];
    assert.deepEqual(rules({ toTags }).of(labels, 'shop').tags, [
      'name=web',
      'part-of=shop',
      'team-pay',
      'track',
    ]);
  });

  test('makes meta of labels, with a name of its own or what Consul takes of theirs', () => {
    const toMeta = [
      { label: 'team', key: 'owner' },
      { label: '*', key: '{key}' },
    ];
    const { meta } = rules({ toMeta }).of({ ...labels, 'a.b/c.d': 'x' }, 'shop');
    assert.deepEqual(Object.fromEntries(meta), {
      app_kubernetes_io_name: 'web',
      'app_kubernetes_io_part-of': 'shop',
      a_b_c_d: 'x',
      owner: 'pay',
      track: '',
    });
  });

  test('takes the first rule that fits a label, and the first label for a meta key', () => {
    const toTags = [
      { label: 'team', tag: 'a' },
      { label: 't*', tag: 'b-{name}' },
    ];
    assert.deepEqual(rules({ toTags }).of(labels, 'shop').tags, ['a', 'b-track']);
    const toMeta = [{ label: '*', key: '{name}' }];
    const twice = { 'b/name': '2', 'a/name': '1' };
    assert.deepEqual([...rules({ toMeta }).of(twice, 'shop').meta], [['name', '1']]);
  });

  test('makes no tag of a label without a value when the tag is the value', () => {
    const toTags = [{ label: 'track', tag: '{value}' }];
    assert.deepEqual(rules({ toTags }).of(labels, 'shop'), { tags: [], meta: new Map(), mistakes: [] });
  });

  test('leaves out what the configuration denies to the namespace', () => {
    const options = {
      toTags: [{ label: 'team', tag: '{value}' }],
      toMeta: [{ label: 'team', key: '{name}' }],
      tagRules: denying('p*'),
      metaRules: denying('team'),
    };
    assert.deepEqual(told(options, labels), [
      'warning : tag "pay" of label "team" is left out: the configuration denies "p*" to namespace "shop"',
      'warning : meta key "team" of label "team" is left out: the configuration denies "team" to namespace "shop"',
    ]);
    const elsewhere = rules(options).of(labels, 'other');
    assert.deepEqual([elsewhere.tags, [...elsewhere.meta]], [['pay'], [['team', 'pay']]]);
  });

  test('leaves out meta keys of kube-registrar, of Consul, and of annotations that are checked', () => {
    const toMeta = [{ label: '*', key: '{name}' }];
    const bad = { 'kube-node': 'x', 'consul-x': 'x', protocol: 'x', health_url: 'x', 'external-source': 'x' };
    assert.equal(rules({ toMeta }).of(bad, 'shop').meta.size, 0);
    assert.equal(told({ toMeta }, bad).length, 5);
  });

  test('refuses a form of keys that no label can use', () => {
    for (const form of ['kube-{name}', 'consul-x', 'health_url', 'protocol', 'service_state', '__proto__']) {
      assert.match(labelMetaMistake(form) ?? '', /meta key/, form);
    }
    for (const form of ['{name}', '{key}', 'k8s_{name}']) assert.equal(labelMetaMistake(form), undefined);
  });

  test('knows which labels it uses', () => {
    const { uses } = rules({
      toTags: [{ label: 'a/*', tag: '{value}' }],
      toMeta: [{ label: 'b', key: '{name}' }],
    });
    assert.deepEqual(['a/x', 'b', 'c', 'bb', 'a'].map(uses), [true, true, false, false, false]);
  });

  const piece = fc.constantFrom(
    ...['a', 'kube-', 'consul-', '__proto__', '/', '.', 'name', ' ', '\u0000', '\ud800', 'é', 'health_url'],
  );
  const anyText = fc.oneof(
    fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary' }),
    fc.constant('x'.repeat(513)),
  );
  const anyLabels = fc.array(fc.tuple(anyText, anyText), { maxLength: 80 });
  const label = fc.constantFrom('*', 'a*', 'name', '*/name', 'kube-*');
  const anyRules = fc.record({
    toTags: fc.array(
      fc.record({ label, tag: fc.constantFrom('{value}', '{key}', '{name}={value}', 'fixed') }),
      { maxLength: 3 },
    ),
    toMeta: fc.array(fc.record({ label, key: fc.constantFrom('{name}', '{key}', 'own', 'a_{name}') }), {
      maxLength: 3,
    }),
  });

  test('only lets through what Consul takes and nobody else owns, whatever the labels are', () => {
    const reserved = new Set<string>([...Object.values(autoMeta), 'protocol', 'health_url', '__proto__']);
    fc.assert(
      fc.property(anyLabels, anyRules, (pairs, options) => {
        const compiled = createLabelRules(options);
        if (compiled === undefined) return;
        const { tags, meta, mistakes } = compiled.of(Object.fromEntries(pairs), 'shop');
        assert.ok(tags.length <= 32 && meta.size <= 32);
        assert.deepEqual(tags, [...new Set(tags)].sort());
        for (const tag of tags) {
          assert.ok(tag !== '' && tag === tag.trim() && Buffer.byteLength(tag) <= 512);
          assert.doesNotMatch(tag, /\p{Cc}/u);
          assert.ok(tag.isWellFormed());
        }
        for (const [key, value] of meta) {
          assert.match(key, /^[A-Za-z0-9_-]{1,128}$/);
          assert.ok(!reserved.has(key) && !/^(kube|consul)-/.test(key), key);
          assert.ok(Buffer.byteLength(value) <= 512 && value.isWellFormed());
        }
        for (const { severity } of mistakes) assert.equal(severity, 'warning');
      }),
      { numRuns: 1_000 },
    );
  });

  test('does not depend on the order of the labels, nor on labels it does not use', () => {
    fc.assert(
      fc.property(anyLabels, anyRules, (pairs, options) => {
        const compiled = createLabelRules(options);
        if (compiled === undefined) return;
        const all = Object.entries(Object.fromEntries(pairs));
        const expected = compiled.of(Object.fromEntries(all), 'shop');
        assert.deepEqual(compiled.of(Object.fromEntries(all.toReversed()), 'shop'), expected);
        const used = Object.fromEntries(all.filter(([key]) => compiled.uses(key)));
        assert.deepEqual(compiled.of(used, 'shop'), expected);
      }),
    );
  });

  test('never lets a denied tag or key through', () => {
    fc.assert(
      fc.property(
        anyLabels,
        anyRules,
        fc.array(fc.constantFrom('a*', '*name*', '*=*', 'fixed', 'own')),
        (pairs, options, deny) => {
          const denied = denying(...deny);
          const compiled = createLabelRules({ ...options, tagRules: denied, metaRules: denied });
          if (compiled === undefined) return;
          const { tags, meta } = compiled.of(Object.fromEntries(pairs), 'shop');
          for (const text of [...tags, ...meta.keys()]) assert.equal(denied('shop', text), undefined, text);
        },
      ),
    );
  });
});
