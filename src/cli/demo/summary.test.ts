import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stepResult } from '../../../test/support/demo-samples.ts';
import { glyphsFor } from './glyphs.ts';
import { paint } from './span.ts';
import type { StepResult } from './step.ts';
import { summary } from './summary.ts';

const told = (results: readonly StepResult[]) =>
  summary(results, results.length, glyphsFor({})).map((line) => paint(line, false).trimEnd());

describe('summary()', () => {
  test('is a table of the steps, what the numbers mean, and the verdict', () => {
    const idle = stepResult({ title: 'Nothing happens', latenciesMs: [], finding: 'no write' });
    assert.deepEqual(told([stepResult(), idle]), [
      '      STEP             MEDIAN  SLOWEST  OUTCOME',
      '✔ ok  Pods come up     3.4 ms  12 ms    3 instances, 9 operations',
      '✔ ok  Nothing happens  -       -        no write',
      '',
      'Measured from the change in Kubernetes (for the outsider: in Consul) until the',
      'blocking health query of a consumer was answered with it.',
      '',
      'All 2 steps reached what was expected.',
    ]);
  });

  test('says which step failed, and what it did not come to', () => {
    const expectations = [{ text: 'web: 3 passing (2 now)', met: false }];
    const lines = told([stepResult({ outcome: 'missed', latenciesMs: [], expectations })]);
    assert.match(lines[1]!, /^FAILED {2}Pods come up/);
    assert.equal(lines.at(-1), 'FAILED: "Pods come up" did not come to: web: 3 passing (2 now)');
  });
});
