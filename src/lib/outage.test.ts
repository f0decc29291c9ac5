import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RegistrarError } from './errors.ts';
import { Outage } from './outage.ts';

const timeout = new RegistrarError('timeout', 'late');
const unreachable = new RegistrarError('unreachable', 'refused');

test('an outage is told once for each kind of error, however they take turns, and once when it is over', () => {
  const outage = new Outage();
  assert.equal(outage.over(), false);
  assert.deepEqual(
    [timeout, timeout, unreachable, timeout, unreachable].map((error) => outage.failed(error)),
    [true, false, true, false, false],
  );
  assert.equal(outage.error, unreachable);
  assert.deepEqual([outage.over(), outage.over(), outage.error], [true, false, undefined]);
  assert.equal(outage.failed(timeout), true, 'the next one is another');
});

test('an outage knows when its first failure was', () => {
  const outage = new Outage();
  outage.failed(timeout, 10);
  outage.failed(unreachable, 20);
  assert.equal(outage.since, 10);
  outage.over();
  assert.equal(outage.since, undefined);
  outage.failed(timeout, 30);
  assert.equal(outage.since, 30);
});
