import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type EntryRef, entryFields, entryId, entryKey, entryNoun, entryText } from './entry-ref.ts';
import { checkId, consulNodeName, instanceId, serviceName } from './keys.ts';

const node = consulNodeName('demo-n1');
const check = checkId('c');
const ofInstance = { node, instance: instanceId('web-1'), service: serviceName('web') };
const all: readonly EntryRef[] = [
  { kind: 'node', node },
  { kind: 'node-check', node, check },
  { kind: 'instance', ...ofInstance },
  { kind: 'instance-check', ...ofInstance, check },
];

describe('EntryRef', () => {
  test('has a key of its own for each entry', () => {
    assert.equal(new Set(all.map(entryKey)).size, all.length);
  });

  test('is named by its own id, by one word and by a text for people', () => {
    assert.deepEqual(
      all.map((at) => [entryNoun(at), entryId(at), entryText(at)]),
      [
        ['node', 'demo-n1', 'node "demo-n1"'],
        ['check', 'c', 'check "c" of node "demo-n1"'],
        ['instance', 'web-1', 'instance "web-1" of service "web"'],
        ['check', 'c', 'check "c" of instance "web-1" of service "web"'],
      ],
    );
  });

  test('is JSON with null for what it does not name', () => {
    assert.deepEqual(all.map(entryFields), [
      { node, instance: null, service: null, check: null },
      { node, instance: null, service: null, check },
      { ...ofInstance, check: null },
      { ...ofInstance, check },
    ]);
  });
});
