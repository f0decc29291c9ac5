import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type LogLine, recorder } from '../../test/support/log-recorder.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { type ChangeLine, ChangeLines } from './change-lines.ts';

function setUp() {
  const log: LogLine[] = [];
  const clock = new VirtualClock();
  const lines = new ChangeLines(clock, recorder(log));
  const write = (reason: ChangeLine['reason'], times: number): void => {
    for (let turn = 0; turn < times; turn += 1)
      lines.write({ message: `${reason} ${turn}`, reason, fields: {} });
  };
  const at = (level: LogLine['level']) =>
    log.filter((line) => line.level === level).map(({ message }) => message);
  return { clock, lines, log, write, at };
}

describe('ChangeLines', () => {
  test('gives each of a few changes its line', async () => {
    const { clock, log, write } = setUp();
    for (let second = 0; second < 5; second += 1) {
      write('Health', 200);
      await clock.advance(1_000);
    }
    assert.equal(log.length, 1_000);
    assert.ok(log.every(({ level }) => level === 'info'));
    assert.equal(clock.pending, 0);
  });

  test('counts what is beyond 200 in a second, and says at its end of what kinds it was', async () => {
    const { clock, log, write, at } = setUp();
    write('Registered', 250);
    write('Health', 3);
    await clock.advance(999);
    assert.equal(at('info').length, 200);
    assert.equal(at('debug').length, 53);
    await clock.advance(1);
    const last = log.at(-1)!;
    assert.equal(last.level, 'info');
    assert.equal(last.message, '53 more changes within a second: 3 Health, 50 Registered');
    assert.deepEqual(last.fields, {
      reason: 'ManyChanges',
      count: 53,
      byReason: { Health: 3, Registered: 50 },
    });
    write('Health', 1);
    assert.equal(log.at(-1)!.message, 'Health 0');
    await clock.advance(10_000);
    assert.equal(log.length, 255);
  });

  test('goes on with whole lines in each second of a long mass', async () => {
    const { clock, write, at } = setUp();
    for (let turn = 0; turn < 30; turn += 1) {
      write('Updated', 100);
      await clock.advance(100);
    }
    assert.equal(at('info').filter((message) => message.startsWith('Updated')).length, 600);
    assert.equal(at('info').filter((message) => message.startsWith('800 more')).length, 3);
  });

  test('says what it has counted when it ends, and leaves no timer', () => {
    const { clock, lines, write, at } = setUp();
    write('Registered', 201);
    lines[Symbol.dispose]();
    assert.equal(at('info').at(-1), '1 more change within a second: 1 Registered');
    assert.equal(clock.pending, 0);
  });
});
