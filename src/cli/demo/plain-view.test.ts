import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { instanceView, stepResult } from '../../../test/support/demo-samples.ts';
import { eventLines, transitionLine } from './plain-view.ts';
import { scenario } from './scenario.ts';

describe('eventLines()', () => {
  test('shows a step with its number, and explains it', () => {
    const step = { ...scenario[0]!, title: 'Pods come up', explain: 'Watch them.' };
    assert.deepEqual(eventLines({ kind: 'step', step, number: 2, of: 10 }, 1_234.5), [
      '  1.234s  step 2/10: Pods come up',
      '          Watch them.',
    ]);
  });

  test('shows what was measured, and what is worth noticing', () => {
    const told = (changes: object) => eventLines({ kind: 'result', result: stepResult(changes) }, 61_000);
    assert.deepEqual(told({}), [
      ' 61.000s  ok: seen after 3.4 ms (median of 3; slowest 12 ms); 3 instances, 9 operations',
    ]);
    assert.deepEqual(told({ measures: null, latenciesMs: [] }), [' 61.000s  ok: 3 instances, 9 operations']);
    assert.deepEqual(told({ measures: 'repair', latenciesMs: [512] }), [
      ' 61.000s  ok: repaired after 512 ms; 3 instances, 9 operations',
    ]);
  });

  test('shows for a failure what was not met', () => {
    const expectations = [
      { text: 'web: 3 passing', met: true },
      { text: 'search: 2 passing (1 now)', met: false },
    ];
    const result = stepResult({ outcome: 'missed', tookMs: 5_000, expectations });
    assert.deepEqual(eventLines({ kind: 'result', result }, 0), [
      '  0.000s  FAILED: not reached within 5.0 s: search: 2 passing (1 now)',
    ]);
  });
});

describe('transitionLine()', () => {
  test('prints what a consumer saw of an instance, with the reason', () => {
    const instance = instanceView('web-1', { status: 'critical', reason: 'probe failed' });
    assert.equal(
      transitionLine({ kind: 'changed', instance }, 1_000),
      '  1.000s    web: web-1 on node-1 is critical: probe failed (10.128.0.1:8080, v1)',
    );
    assert.equal(
      transitionLine({ kind: 'appeared', instance: instanceView('web-1') }, 1_000),
      '  1.000s    web: web-1 on node-1 is registered, passing (10.128.0.1:8080, v1)',
    );
    assert.match(transitionLine({ kind: 'left', instance }, 0), /is deregistered \(/);
    assert.match(transitionLine({ kind: 'edited', instance }, 0), /has other data, critical/);
  });
});
