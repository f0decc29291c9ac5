import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { guideExamples, runExample } from './naming/guide-examples.ts';

const printed: readonly RegExp[] = [
  /^a 10\.0\.0\.5:80 undefined \[ 'eu' \] \{\} passing 1\n$/,
  /^\[ 'a adult', 'b adult' \]\n2 0\n[ab]\n2\nb\n([ab])\n\[ '\1', '[ab]' \]\n$/,
  /^$/,
  /^0 left\n$/,
];

describe('the examples of docs/naming.md', () => {
  const examples = guideExamples('run');

  test('are all known here', () => {
    assert.equal(examples.length, printed.length);
  });

  for (const [at, example] of examples.entries()) {
    test(`${example.place} prints what it says`, async () => {
      assert.match(await runExample(example), printed[at]!);
    });
  }
});
