import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../lib/errors.ts';
import { type Phase, recoveryFrom } from './recovery.ts';

const after = (phase: Phase, code: ErrorCode, repeated = false) => {
  const { next, wait, avoidWatchList } = recoveryFrom({ phase, code, repeated });
  return `${avoidWatchList ? 'paged ' : ''}${next}, ${wait}`;
};

describe('recoveryFrom()', () => {
  test('403 and 404 are tried again slowly, where they happened', () => {
    for (const code of ['forbidden', 'not-found'] as const) {
      assert.equal(after('watch', code), 'watch, slow');
      assert.equal(after('list', code), 'list, slow');
      assert.equal(after('watch-list', code), 'list, slow');
    }
  });

  test('a WatchList that is refused, silent or unreadable is given up for LIST', () => {
    assert.equal(after('watch-list', 'rejected'), 'paged list, none');
    assert.equal(after('watch-list', 'timeout'), 'paged list, backoff');
    assert.equal(after('watch-list', 'protocol'), 'paged list, backoff');
    assert.equal(after('watch-list', 'unreachable'), 'list, backoff');
  });

  test('a watch whose version is gone is followed by a list', () => {
    assert.equal(after('watch', 'gone'), 'list, backoff');
    assert.equal(after('watch', 'rejected'), 'list, backoff');
  });

  test('an unreadable line is asked for again, and twice unreadable is listed', () => {
    assert.equal(after('watch', 'protocol'), 'watch, backoff');
    assert.equal(after('watch', 'protocol', true), 'list, backoff');
  });

  test('everything that may pass by itself backs off and goes on where it was', () => {
    const codes = [
      'unreachable',
      'timeout',
      'unavailable',
      'throttled',
      'unauthorized',
      'config',
      'internal',
    ];
    for (const code of codes as ErrorCode[]) {
      assert.equal(after('watch', code), 'watch, backoff', code);
      assert.equal(after('list', code), 'list, backoff', code);
    }
  });
});
