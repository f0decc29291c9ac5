import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RegistrarError } from '../lib/errors.ts';
import { Secret } from '../lib/secret.ts';
import { type LoggerOptions, pinoLogger } from './pino-logger.ts';

function recording(options: Partial<LoggerOptions> = {}) {
  const written: string[] = [];
  const logger = pinoLogger({
    level: 'info',
    format: 'json',
    colour: false,
    output: { write: (text) => written.push(text) },
    ...options,
  });
  return { logger, written, last: () => JSON.parse(written.at(-1)!) as Record<string, unknown> };
}

describe('pinoLogger()', () => {
  test('writes one JSON object a line: level, ISO time, fields, message, nothing else', () => {
    const { logger, written, last } = recording();
    logger.info('registered', { reason: 'Registered', pod: 'shop/web-1' });
    const { time, ...rest } = last();
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(rest, { level: 'info', reason: 'Registered', pod: 'shop/web-1', msg: 'registered' });
    assert.ok(written[0]!.endsWith('}\n'));
  });

  test('shows what would act on who reads JSON raw, without changing what it means', () => {
    const { logger, written, last } = recording();
    const pod = 'a\u001b\u009b\u202e\u2028\n';
    logger.info('registered', { reason: 'Registered', pod });
    assert.doesNotMatch(written[0]!.slice(0, -1), /[\p{Cc}\u202e\u2028]/u);
    assert.equal(last()['pod'], pod);
  });

  test('puts the cause into the message, and leaves out what is empty', () => {
    const { logger, last } = recording();
    const error = new RegistrarError('unreachable', 'no answer', { cause: new Error('refused') });
    logger.error('cannot read Consul', { reason: 'ConsulUnavailable', error, hint: '', pod: undefined });
    const { time: _, ...line } = last();
    const cause = 'no answer: refused';
    assert.deepEqual(line, {
      ...{ level: 'error', reason: 'ConsulUnavailable', error: cause, msg: `cannot read Consul: ${cause}` },
    });
    logger.warn('it no longer leads', { reason: 'LeadershipLost', why: 'no lease', of: [], holder: null });
    assert.equal(last()['msg'], 'it no longer leads: no lease');
    assert.deepEqual(Object.keys(last()), ['level', 'time', 'reason', 'why', 'msg']);
  });

  test('leaves out what is below the level', () => {
    const { logger, written } = recording({ level: 'warn' });
    logger.debug('a', { reason: 'HistoryUnknown' });
    logger.info('b', { reason: 'Listed' });
    logger.warn('c', { reason: 'Drift' });
    logger.error('d', { reason: 'OperatorFailed' });
    assert.equal(written.length, 2);
  });

  test('child() adds its fields to every line', () => {
    const { logger, last } = recording();
    logger
      .child({ resource: 'pods' })
      .child({ namespace: 'shop' })
      .warn('went back', { reason: 'Regression', lists: 2 });
    const { resource, namespace, lists } = last();
    assert.deepEqual([resource, namespace, lists], ['pods', 'shop', 2]);
  });

  test('shows an error as one line with its causes', () => {
    const { logger, last } = recording();
    const cause = Object.assign(new Error('refused'), { headers: { 'x-consul-token': 'hunter2' } });
    const error = new RegistrarError('unreachable', 'no Consul', { cause });
    logger.error('failed', { reason: 'ConsulUnavailable', error });
    assert.equal(last()['error'], 'no Consul: refused');
  });

  test('shows of an error nothing but its text, and of other fields no credential in an error', () => {
    const { logger, last } = recording();
    const error = Object.assign(new Error('refused'), { token: 'hunter2' });
    logger.error('failed', { reason: 'ConsulUnavailable', error });
    assert.equal(last()['error'], 'refused');
    logger.info('x', { reason: 'AclLogin', cause: error, list: [{ token: 'a' }], none: null });
    assert.deepEqual(last()['cause'], { token: '[redacted]' });
  });

  test('redacts tokens by name and Secrets anywhere, also in a child', () => {
    const { logger, written } = recording();
    const deep = { a: { b: new Secret('hunter2') } };
    logger.info('x', {
      reason: 'AclLogin',
      token: 'hunter2',
      headers: { 'x-consul-token': 'hunter2' },
      consul: { token: 'hunter2' },
      deep,
    });
    logger
      .child({ token: 'hunter2', options: { authorization: 'hunter2' } })
      .info('y', { reason: 'AclLogin' });
    assert.equal(written.length, 2);
    for (const line of written) {
      assert.doesNotMatch(line, /hunter2/);
      assert.match(line, /\[redacted\]/);
    }
  });

  test('writes text for people on demand', () => {
    const { logger, written } = recording({ format: 'text' });
    logger.warn('held', { reason: 'RemovalHeld', count: 3 });
    assert.match(written[0]!, /^\S+Z WARN {2}held reason=RemovalHeld count=3\n$/);
  });
});
