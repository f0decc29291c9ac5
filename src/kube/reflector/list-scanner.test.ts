import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RegistrarError } from '../../lib/errors.ts';
import { type ListHead, ListScanner } from './list-scanner.ts';

/** The items found when the text arrives cut at these places. */
function scan(text: string, cuts: readonly number[] = [], maxItemBytes = 10_000): unknown[] {
  const bytes = Buffer.from(text);
  const positions = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  const scanner = new ListScanner(maxItemBytes);
  const items = [0, ...positions].flatMap((start, index) =>
    scanner.push(bytes.subarray(start, positions[index])).map((item) => JSON.parse(item)),
  );
  scanner.end();
  return items;
}

const list = (items: readonly unknown[], metadata: object = { resourceVersion: '1' }) =>
  JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata, items });

describe('ListScanner', () => {
  test('gives the items JSON.parse gives, however the text is cut and spaced', () => {
    const anything = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue());
    fc.assert(
      fc.property(
        fc.array(anything),
        fc.jsonValue(),
        fc.array(fc.nat()),
        fc.constantFrom(0, 2),
        (items, extra, cuts, space) => {
          const text = JSON.stringify({ kind: 'PodList', metadata: { extra }, items }, undefined, space);
          assert.deepEqual(scan(text, cuts), JSON.parse(text).items);
        },
      ),
    );
  });

  test('knows the head as soon as the items begin', () => {
    const scanner = new ListScanner(1_000);
    scanner.push(Buffer.from('{"kind":"PodList","metadata":{"resourceVersion":"7","continue":"é"},'));
    assert.equal(scanner.head === undefined, true);
    scanner.push(Buffer.from('"items":['));
    const head: ListHead | undefined = scanner.head;
    assert.deepEqual([head?.kind, head?.metadata], ['PodList', { resourceVersion: '7', continue: 'é' }]);
  });

  test('a list of no items is one', () => {
    assert.deepEqual(scan(list([])), []);
  });

  test('a list cut short anywhere is noticed', () => {
    const text = list([{ a: ['}'] }, { b: '\\"]' }], { resourceVersion: '1', list: [1, [2]] });
    for (let length = 0; length < text.length; length += 1) {
      assert.throws(() => scan(text.slice(0, length)), { code: 'protocol' }, text.slice(0, length));
    }
    assert.throws(() => scan(`${text}{}`), { code: 'protocol' });
  });

  test('items that are no objects, and no items, are noticed', () => {
    for (const items of [[1], [null], ['a'], [[{}]], [{}, 0]]) {
      assert.throws(() => scan(list(items)), { code: 'protocol' }, JSON.stringify(items));
    }
    for (const text of [
      '',
      'null',
      '[]',
      '{}',
      '{"items":null}',
      '{"items":{}}',
      '{"metadata":{"items":[{}]}}',
    ]) {
      assert.throws(() => scan(text), { code: 'protocol' }, text);
    }
  });

  test('an item above the cap is noticed before it is complete', () => {
    const scanner = new ListScanner(100);
    scanner.push(Buffer.from('{"items":[{"a":"'));
    assert.throws(() => scanner.push(Buffer.alloc(101, 'x')), { code: 'protocol' });
  });

  test('throws nothing but protocol, whatever arrives', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '"items"', '0', 'é', '{"items":[')),
        fc.array(fc.nat()),
        (tokens, cuts) => {
          try {
            scan(tokens.join(''), cuts);
          } catch (thrown) {
            const isItem = thrown instanceof SyntaxError;
            assert.ok(isItem || (thrown instanceof RegistrarError && thrown.code === 'protocol'));
          }
        },
      ),
    );
  });
});
