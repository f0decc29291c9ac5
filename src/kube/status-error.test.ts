import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { status } from '../../test/support/kube-objects.ts';
import { parseStatus, statusError } from './status-error.ts';

describe('statusError()', () => {
  for (const [code, expected] of [
    [400, 'rejected'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'not-found'],
    [409, 'conflict'],
    [410, 'gone'],
    [422, 'rejected'],
    [429, 'throttled'],
    [500, 'unavailable'],
    [503, 'unavailable'],
    [302, 'protocol'],
  ] as const) {
    test(`${code} is ${expected}`, () => {
      assert.equal(statusError('GET /x', code, {}).code, expected);
    });
  }

  test('says what was asked and what the server said', () => {
    const body = status(403, 'Forbidden', 'pods is forbidden: User "system:anonymous" cannot list');
    assert.equal(
      statusError('GET /api/v1/pods', 403, body).message,
      'GET /api/v1/pods: pods is forbidden: User "system:anonymous" cannot list (403)',
    );
    assert.equal(statusError('GET /x', 502, {}).message, 'GET /x: the API server answered 502');
  });

  test('takes the wait from Retry-After, else from the Status; a date is ignored', () => {
    const body = status(429, 'TooManyRequests', 'slow down', { retryAfterSeconds: 3 });
    assert.equal(statusError('GET /x', 429, body, '7').retryAfterMs, 7_000);
    assert.equal(statusError('GET /x', 429, body).retryAfterMs, 3_000);
    assert.equal(statusError('GET /x', 429, {}, 'Wed, 21 Oct 2026 07:28:00 GMT').retryAfterMs, undefined);
  });

  test('"too large resource version" is gone, by its cause or its message', () => {
    const cause = { reason: 'ResourceVersionTooLarge' };
    assert.equal(statusError('GET /x', 504, { details: { causes: [cause] } }).code, 'gone');
    assert.equal(statusError('GET /x', 500, { message: 'Too large resource version: 5' }).code, 'gone');
  });

  test('a body that is no Status changes nothing about the code', () => {
    for (const text of ['', '<html>bad gateway</html>', 'null', '"x"']) {
      assert.equal(statusError('GET /x', 502, parseStatus(text)).code, 'unavailable');
    }
  });
});
