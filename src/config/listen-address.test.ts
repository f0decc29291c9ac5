import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseListenAddress } from './listen-address.ts';

describe('parseListenAddress()', () => {
  test('reads a port alone as all interfaces', () => {
    assert.deepEqual(parseListenAddress(':8080'), { host: undefined, port: 8080 });
  });

  test('reads IPv4, names and bracketed IPv6', () => {
    assert.deepEqual(parseListenAddress('127.0.0.1:0'), { host: '127.0.0.1', port: 0 });
    assert.deepEqual(parseListenAddress('localhost:80'), { host: 'localhost', port: 80 });
    assert.deepEqual(parseListenAddress('[::1]:8080'), { host: '::1', port: 8080 });
  });

  for (const text of ['', '8080', ':', ':x', ':65536', '::1:8080', 'http://x:1', '[x]:1', 'a b:1']) {
    test(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseListenAddress(text), undefined));
  }
});
