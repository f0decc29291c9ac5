import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileFilter } from './filter.ts';
import { FilterError } from './filter-parser.ts';
import { healthSchema, nodeSchema } from './filter-schemas.ts';

const node = { Node: 'n1', Meta: { zone: 'a', 'odd-key': 'b' }, TaggedAddresses: null };

function holds(text: string): boolean {
  return compileFilter(text, nodeSchema)(node);
}

test('`and` binds tighter than `or`, `not` tighter than both', () => {
  assert.equal(holds('Node == n1 or Node == n2 and Node == n3'), true);
  assert.equal(holds('(Node == n1 or Node == n2) and Node == n3'), false);
  assert.equal(holds('not Node == n2 and Node == n1'), true);
  assert.equal(holds('not (Node == n1 or Node == n2)'), false);
});

test('keys that are no identifiers are selected in brackets; values need no quotes', () => {
  assert.equal(holds('Meta["odd-key"] == b'), true);
  assert.equal(holds('Meta.zone == `a`'), true);
  assert.throws(() => holds('Meta.odd-key == b'), FilterError);
});

test('a key that is not there equals nothing', () => {
  assert.equal(holds('Meta.rack == r1'), false);
  assert.equal(holds('Meta.rack != r1'), true);
  assert.equal(holds('rack in Meta'), false);
  assert.equal(holds('rack not in Meta'), true);
});

test('empty and absent maps and lists are empty', () => {
  assert.equal(holds('TaggedAddresses is empty'), true);
  assert.equal(holds('Meta is not empty'), true);
});

test('a selector through a list means any of its elements; a port left out of the JSON is 0', () => {
  const entry = { Service: { Tags: ['x'] }, Checks: [{ Status: 'passing' }, { Status: 'critical' }] };
  const test = (text: string) => compileFilter(text, healthSchema)(entry);
  assert.equal(test('Checks.Status == critical'), true);
  assert.equal(test('Checks.Status == warning'), false);
  assert.equal(test('Service.Port == 0'), true);
  assert.equal(test('x in Service.Tags and Service.Tags not contains y'), true);
  assert.throws(() => test('Service.Port == many'), /Failed to coerce value "many"/);
});

test('any text compiles or is refused with a FilterError', () => {
  const words = fc.constantFrom(
    'Node',
    'Meta',
    '.',
    '==',
    'and',
    'not',
    '(',
    ')',
    '"x"',
    'in',
    'is',
    'empty',
    '[',
    ' ',
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(words).map((parts) => parts.join(' ')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        assert.equal(typeof compileFilter(text, nodeSchema)(node), 'boolean');
      } catch (thrown) {
        assert.ok(thrown instanceof FilterError, String(thrown));
      }
    }),
  );
});
