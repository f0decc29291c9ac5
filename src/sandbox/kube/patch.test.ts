import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { sameJson } from './object.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from './patch.ts';

describe('patch', () => {
  // The examples of RFC 7386, appendix A.
  const examples: readonly (readonly [target: unknown, patch: unknown, result: unknown])[] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of examples) {
    test(`merge ${JSON.stringify(patch)} into ${JSON.stringify(target)}`, () => {
      assert.deepEqual(mergePatch(target, patch), result);
    });
  }

  test('a merge patch applied twice is the same as once', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
        const once = mergePatch(target, patch);
        assert.ok(sameJson(mergePatch(once, patch), once));
      }),
    );
  });

  test('a JSON patch unescapes ~1 and ~0, moves, copies and inserts', () => {
    const document = { 'a/b': 1, 'm~n': 2, list: [1, 3], from: { x: 1 } };
    const patched = jsonPatch(document, [
      { op: 'test', path: '/a~1b', value: 1 },
      { op: 'replace', path: '/m~0n', value: 5 },
      { op: 'add', path: '/list/1', value: 2 },
      { op: 'add', path: '/list/-', value: 4 },
      { op: 'copy', from: '/from', path: '/copy' },
      { op: 'move', from: '/from/x', path: '/moved' },
    ]);
    assert.deepEqual(patched, { 'a/b': 1, 'm~n': 5, list: [1, 2, 3, 4], from: {}, copy: { x: 1 }, moved: 1 });
    assert.deepEqual(document, { 'a/b': 1, 'm~n': 2, list: [1, 3], from: { x: 1 } });
  });

  test('a JSON patch that cannot be applied throws a refusal, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.array(fc.record({ op: fc.string(), path: fc.string() })),
        (target, patch) => {
          try {
            jsonPatch(target, patch);
          } catch (thrown) {
            assert.equal((thrown as { code?: number }).code, 422);
          }
        },
      ),
    );
  });

  test('a strategic patch replaces a list that has no key, and unites finalizers', () => {
    const target = { args: ['a'], metadata: { finalizers: ['x'] } };
    const patched = strategicMergePatch(target, { args: ['b'], metadata: { finalizers: ['y', 'x'] } });
    assert.deepEqual(patched, { args: ['b'], metadata: { finalizers: ['x', 'y'] } });
  });

  test('a strategic patch distinguishes ports of containers from those of Services', () => {
    const container = { ports: [{ containerPort: 80, name: 'a' }] };
    assert.deepEqual(strategicMergePatch(container, { ports: [{ containerPort: 81 }] }), {
      ports: [{ containerPort: 80, name: 'a' }, { containerPort: 81 }],
    });
    const service = { ports: [{ port: 80, name: 'a' }] };
    assert.deepEqual(strategicMergePatch(service, { ports: [{ port: 80, targetPort: 8080 }] }), {
      ports: [{ port: 80, name: 'a', targetPort: 8080 }],
    });
  });
});
