import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { RegistrarError } from '../lib/errors.ts';
import { abortOnSignals, abortWhenClosed } from './signals.ts';

describe('abortOnSignals()', () => {
  test('the first signal aborts and does not exit', () => {
    const emitter = new EventEmitter();
    const signal = abortOnSignals(emitter, { exit: () => assert.fail('exited'), onTerminal: false });
    assert.equal(signal.aborted, false);
    emitter.emit('SIGTERM');
    assert.equal(signal.aborted, true);
    assert.equal(RegistrarError.from(signal.reason).code, 'aborted');
  });

  test('the second exits at once with 128 and its number', () => {
    const emitter = new EventEmitter();
    const codes: number[] = [];
    abortOnSignals(emitter, { exit: (code) => codes.push(code), onTerminal: false });
    emitter.emit('SIGTERM');
    emitter.emit('SIGINT');
    assert.deepEqual(codes, [130]);
  });

  test('the end of the terminal aborts; elsewhere SIGHUP is left alone, for nohup', () => {
    const emitter = new EventEmitter();
    const exit = () => assert.fail('exited');
    abortOnSignals(emitter, { exit, onTerminal: false });
    assert.equal(emitter.listenerCount('SIGHUP'), 0);
    const signal = abortOnSignals(emitter, { exit, onTerminal: true });
    emitter.emit('SIGHUP');
    assert.equal(signal.aborted, true);
  });
});

describe('abortWhenClosed()', () => {
  test('aborts at the first error of the output, and bears the next ones', () => {
    const output = new EventEmitter();
    const signal = abortWhenClosed(output);
    output.emit('error', new Error('EPIPE'));
    output.emit('error', new Error('EPIPE again'));
    assert.equal(RegistrarError.from(signal.reason).code, 'aborted');
  });
});
