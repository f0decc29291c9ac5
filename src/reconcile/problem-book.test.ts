import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { consulNodeName } from '../model/keys.ts';
import type { Problem } from '../model/problem.ts';
import { ProblemBook } from './problem-book.ts';

const [a, b] = [consulNodeName('a'), consulNodeName('b')];
const problem = (message: string): Problem => ({
  object: { kind: 'Service', namespace: 'default', name: 'web', uid: '1' },
  reason: 'InvalidAnnotation',
  field: 'port',
  message,
  severity: 'error',
});

describe('ProblemBook', () => {
  test('tells a problem once, however often its node is looked at', () => {
    const book = new ProblemBook();
    assert.deepEqual(book.update(a, [problem('x')]), { appeared: [problem('x')], cleared: [] });
    assert.deepEqual(book.update(a, [problem('x')]), { appeared: [], cleared: [] });
  });

  test('tells a problem of a Service once for all nodes, and clears it with the last', () => {
    const book = new ProblemBook();
    book.update(a, [problem('x')]);
    assert.deepEqual(book.update(b, [problem('x')]).appeared, []);
    assert.deepEqual(book.update(a, []).cleared, []);
    assert.deepEqual(book.update(b, []).cleared, [problem('x')]);
    assert.deepEqual([...book.all()], []);
  });

  test('another message is another problem', () => {
    const book = new ProblemBook();
    book.update(a, [problem('x')]);
    assert.deepEqual(book.update(a, [problem('y')]), { appeared: [problem('y')], cleared: [problem('x')] });
  });
});
