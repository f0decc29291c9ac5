import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeDeclarations } from './declarations.ts';
import { fields } from './fields.ts';
import { keptAnnotations } from './kept-annotations.ts';
import { toProblems } from './mistake.ts';

const prefix = 'kube-registrar.io/';
const places = {
  podName: 'web-1',
  podNamespace: 'shop',
  podLabels: {},
  nodeName: 'n1',
  nodeZone: '',
  nodeRegion: '',
  clusterName: 'c1',
};

const under = (annotations: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`${prefix}${name}`, value]));

/** What is said of an object with these annotations. */
const told = (annotations: Readonly<Record<string, string>>): readonly string[] =>
  toProblems(
    { kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'u' },
    describeDeclarations({ kind: 'Pod', name: 'web-1', annotations }, places).mistakes,
  ).map(({ severity, field, message }) => `${severity} ${field}: ${message}`);

const many = (count: number, name: (index: number) => string, value = 'x') =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [name(index), value]));

describe('keptAnnotations()', () => {
  test('keeps what stands under the prefix, without it, as it is', () => {
    const own = { service: 'web', 'meta.team': 'shop', services: '[]', tags: 'a,b', unknown: '' };
    assert.deepEqual(keptAnnotations(prefix, { ...under(own), other: 'x', 'example.com/service': 'x' }), own);
    assert.deepEqual(keptAnnotations(prefix), {});
  });

  const hostile: [name: string, annotations: Record<string, string>, says: RegExp][] = [
    [
      'a long value',
      { service: 'web', maintenance: 'x'.repeat(250_000) },
      /maintenance is longer than 640 bytes/,
    ],
    [
      'a long value of wide characters',
      { service: 'web', 'meta.a': '日'.repeat(80_000) },
      /meta\.a is longer than 640/,
    ],
    ['long tags', { service: 'web', tags: 'a,'.repeat(100_000) }, /tags is longer than 4096 bytes/],
    ['a long list', { services: '- service: a\n'.repeat(20_000) }, /services is longer than 8192 bytes/],
    [
      'many meta keys',
      { service: 'web', ...many(5_000, (index) => `meta.k${index}`) },
      /more than \d+ meta keys/,
    ],
    ['many unknown names', { service: 'web', ...many(5_000, (index) => `k${index}`) }, /and 1 more mistake$/],
    [
      'unknown names with values',
      many(20, (index) => `k${index}`, 'x'.repeat(12_000)),
      /unknown annotation "k1"/,
    ],
    ['a long name', { service: 'web', ['k'.repeat(200_000)]: '' }, /unknown annotation "kkk/],
    ['a long meta key', { service: 'web', [`meta.${'k'.repeat(200_000)}`]: '' }, /unknown|meta key/],
    [
      'everything at once',
      {
        ...Object.fromEntries(fields.map((name) => [name, 'x'.repeat(100_000)])),
        ...many(5_000, (index) => `meta.k${index}`, 'x'.repeat(50_000)),
        ...many(5_000, (index) => `unknown.k${index}`, 'x'.repeat(50_000)),
        services: 'x'.repeat(1_000_000),
      },
      /longer than/,
    ],
  ];
  for (const [name, annotations, says] of hostile) {
    test(`of ${name} keeps at most 64 KB, and what is wrong is said all the same`, () => {
      const kept = keptAnnotations(prefix, under(annotations));
      assert.ok(JSON.stringify(kept).length <= 65_536, `${JSON.stringify(kept).length} characters are kept`);
      const mistakes = told(kept);
      assert.ok(
        mistakes.some((mistake) => says.test(mistake)),
        mistakes.join('\n'),
      );
      assert.ok(mistakes.length <= 21, 'at most 20, and how many more');
      // Nothing is said that would not be said of all of it.
      for (const mistake of mistakes.filter((each) => !/more mistake|unknown|…/.test(each))) {
        assert.ok(told(annotations).includes(mistake), mistake);
      }
    });
  }

  test('still tells a typing error among many unknown names that come after it', () => {
    const kept = keptAnnotations(prefix, under({ servce: 'web', ...many(1_000, (index) => `zz${index}`) }));
    assert.match(told(kept).join('\n'), /unknown annotation "servce" is ignored; did you mean "service"\?/);
  });
});
