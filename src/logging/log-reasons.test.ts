import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { logReasons } from './log-reasons.ts';

const source = path.resolve(import.meta.dirname, '..');

/** Everything that may log; the other direction, no reason but these, is the compiler's. */
const program = globSync('**/*.ts', { cwd: source })
  .filter((file) => !file.endsWith('.test.ts') && !file.endsWith('log-reasons.ts'))
  .map((file) => readFileSync(path.join(source, file), 'utf8'))
  .join('\n');

const entries = Object.values(logReasons).flatMap((section) => Object.entries(section));

describe('log reasons', () => {
  test('are all used', () => {
    const unused = entries.map(([reason]) => reason).filter((reason) => !program.includes(`'${reason}'`));
    assert.deepEqual(unused, []);
  });

  test('stand in one section each', () => {
    assert.equal(new Set(entries.map(([reason]) => reason)).size, entries.length);
  });

  test('say what to do about every error', () => {
    const silent = entries
      .filter(([, { levels, todo }]) => (levels as readonly string[]).includes('error') && todo === '')
      .map(([reason]) => reason);
    assert.deepEqual(silent, []);
  });
});
