import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bigReading } from '../../test/support/big-reading.ts';
import { sampleReading } from '../../test/support/sample-reading.ts';
import type { Pause } from '../lib/pause.ts';
import { visibleLines } from '../lib/visible.ts';
import type { Problem } from '../model/problem.ts';
import { statusOf, statusText } from './operator-status.ts';
import type { Reading } from './reading.ts';

const neverDue: Pause = () => undefined;

const asOneText = (reading: Reading): string =>
  visibleLines(`${JSON.stringify(statusOf(reading), undefined, 2)}\n`);

const problem: Problem = {
  object: { kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'u' },
  reason: 'InvalidAnnotation',
  field: 'port',
  message: 'port "a\nb\u202e" is no port',
  severity: 'error',
};

describe('statusText()', () => {
  test('is the status as indented JSON, whatever is in it', async () => {
    const empty = { ...sampleReading, nodes: [], services: new Map(), problems: [], findings: [], drift: [] };
    const hostile = { ...sampleReading, problems: [{ item: problem, since: 0 }] };
    for (const reading of [sampleReading, empty, hostile, bigReading()]) {
      assert.equal(String(await statusText(reading, neverDue)), asOneText(reading));
    }
  });

  test('lets other work run between any two lines', async () => {
    const problems = Array.from({ length: 1_000 }, (_, at) => ({
      item: { ...problem, message: `${at}` },
      since: 0,
    }));
    let asked = 0;
    let isRunning = false;
    const pause: Pause = async () => {
      asked += 1;
      assert.equal(isRunning, false);
      isRunning = true;
      await Promise.resolve();
      isRunning = false;
    };
    const reading = { ...sampleReading, problems };
    assert.equal(String(await statusText(reading, pause)), asOneText(reading));
    assert.ok(asked >= 1_000, `${asked}`);
  });
});
