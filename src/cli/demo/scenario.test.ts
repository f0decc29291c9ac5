import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scenario } from './scenario.ts';
import { wrap } from './span.ts';

describe('scenario', () => {
  test('explains every step in two lines of a terminal of 80 columns', () => {
    for (const { title, explain } of scenario) assert.ok(wrap(explain, 80).length <= 2, title);
  });

  test('gives every step a name of its own', () => {
    assert.equal(new Set(scenario.map(({ id }) => id)).size, scenario.length);
  });
});
