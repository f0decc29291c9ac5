import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { RegistrarError } from '../lib/errors.ts';
import { abortOnSignals } from './signals.ts';

describe('abortOnSignals()', () => {
  test('the first signal aborts and does not exit', () => {
    const emitter = new EventEmitter();
    const signal = abortOnSignals(emitter, () => assert.fail('exited'));
    assert.equal(signal.aborted, false);
    emitter.emit('SIGTERM');
    assert.equal(signal.aborted, true);
    assert.equal(RegistrarError.from(signal.reason).code, 'aborted');
  });

  test('the second exits at once with 128 and its number', () => {
    const emitter = new EventEmitter();
    const codes: number[] = [];
    abortOnSignals(emitter, (code) => codes.push(code));
    emitter.emit('SIGTERM');
    emitter.emit('SIGINT');
    assert.deepEqual(codes, [130]);
  });
});
