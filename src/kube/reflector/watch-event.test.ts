import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bookmark, event, initialEventsEnd, podObject, status } from '../../../test/support/kube-objects.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { parseWatchEvent } from './watch-event.ts';

const parse = (line: unknown) => parseWatchEvent(JSON.stringify(line));

describe('parseWatchEvent()', () => {
  test('reads events, bookmarks and the bookmark that ends the initial events', () => {
    const pod = podObject('a', 7);
    assert.deepEqual(parse(event('ADDED', pod)), { type: 'ADDED', object: pod, resourceVersion: '7' });
    assert.deepEqual(parse(bookmark(8)), { type: 'BOOKMARK', resourceVersion: '8', initialEventsEnd: false });
    assert.deepEqual(parse(initialEventsEnd(9)), {
      type: 'BOOKMARK',
      resourceVersion: '9',
      initialEventsEnd: true,
    });
  });

  test('turns an ERROR into the error its Status stands for', () => {
    const read = parse({ type: 'ERROR', object: status(410, 'Expired', 'too old resource version') });
    assert.equal(read.type === 'ERROR' && read.error.code, 'gone');
    assert.match(read.type === 'ERROR' ? read.error.message : '', /too old resource version/);
  });

  test('rejects everything else with protocol, and throws nothing but that', () => {
    for (const line of ['', '{', 'null', '[]', '{"type":"ADDED"}', '{"type":"SHUFFLED","object":{}}']) {
      assert.throws(() => parseWatchEvent(line), { code: 'protocol' }, line);
    }
    assert.throws(() => parse({ type: 'ADDED', object: { metadata: { name: 'a' } } }), { code: 'protocol' });
    assert.throws(() => parse({ type: 'ADDED', object: { metadata: { resourceVersion: '1' } } }), {
      code: 'protocol',
    });
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        try {
          parseWatchEvent(line);
        } catch (thrown) {
          assert.ok(thrown instanceof RegistrarError && thrown.code === 'protocol');
        }
      }),
    );
  });
});
