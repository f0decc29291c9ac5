import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { logAreas, logReasons } from './log-reasons.ts';

const source = path.resolve(import.meta.dirname, '..');

/** Everything that may log; the other direction, no reason but these, is the compiler's. */
const program = globSync('**/*.ts', { cwd: source })
  .filter((file) => !file.endsWith('.test.ts') && !file.endsWith('log-reasons.ts'))
  .map((file) => readFileSync(path.join(source, file), 'utf8'))
  .join('\n');

describe('log reasons', () => {
  test('are all used', () => {
    const unused = Object.keys(logReasons).filter((reason) => !program.includes(`'${reason}'`));
    assert.deepEqual(unused, []);
  });

  test('say what to do about every error', () => {
    const silent = Object.entries(logReasons)
      .filter(([, { levels, todo }]) => (levels as readonly string[]).includes('error') && todo === '')
      .map(([reason]) => reason);
    assert.deepEqual(silent, []);
  });

  test('leave no area empty', () => {
    const areas = new Set<string>(Object.values(logReasons).map(({ area }) => area));
    assert.deepEqual([...areas].sort(), Object.keys(logAreas).sort());
  });
});
