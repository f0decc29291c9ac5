import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { consulNodeName } from '../model/keys.ts';
import { Ledger } from './ledger.ts';

const [a, b] = [consulNodeName('a'), consulNodeName('b')];
const problem = (message: string) => ({ object: 'Service default/web', message });
const setup = () => new Ledger<ReturnType<typeof problem>>(() => 7);

describe('Ledger', () => {
  test('tells a problem once, however often its node is looked at', () => {
    const ledger = setup();
    assert.deepEqual(ledger.update(a, [problem('x')]), { appeared: [problem('x')], cleared: [] });
    assert.deepEqual(ledger.update(a, [problem('x')]), { appeared: [], cleared: [] });
    assert.deepEqual([...ledger.lines()], [{ item: problem('x'), since: 7 }]);
  });

  test('tells a problem of a Service once for all nodes, and clears it with the last', () => {
    const ledger = setup();
    ledger.update(a, [problem('x')]);
    assert.deepEqual(ledger.update(b, [problem('x')]).appeared, []);
    assert.deepEqual(ledger.update(a, []).cleared, []);
    assert.deepEqual(ledger.update(b, []).cleared, [problem('x')]);
    assert.deepEqual([...ledger.lines()], []);
  });

  test('another message is another problem', () => {
    const ledger = setup();
    ledger.update(a, [problem('x')]);
    assert.deepEqual(ledger.update(a, [problem('y')]), { appeared: [problem('y')], cleared: [problem('x')] });
  });
});
