import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bookmark, event, podObject, status } from '../../../test/support/kube-objects.ts';
import { kinds, listedAt } from '../../../test/support/reflector-of-pods.ts';
import { answer, StreamingAnswer } from '../../../test/support/scripted-transport.ts';

describe('Reflector: watch', () => {
  test('asks for bookmarks and a random timeoutSeconds between 300 and 600', async () => {
    for (const [random, seconds] of [
      [0, '300'],
      [0.5, '450'],
      [0.999999, '600'],
    ] as const) {
      await using it = await listedAt(10, [], { random: () => random });
      const query = it.transport.urls[2]?.searchParams;
      assert.equal(query?.get('allowWatchBookmarks'), 'true');
      assert.equal(query?.get('timeoutSeconds'), seconds);
    }
  });

  test('tells of additions, changes and removals as events', async () => {
    await using it = await listedAt(10, [podObject('a', 1)]);
    it.watch.write(
      event('ADDED', podObject('b', 11)),
      event('MODIFIED', podObject('a', 12)),
      event('DELETED', podObject('b', 13)),
    );
    await it.clock.settle();
    assert.deepEqual(it.heard, [
      { verb: '+b', cause: 'event' },
      { verb: '~a', cause: 'event' },
      { verb: '-b', cause: 'event' },
    ]);
    assert.equal(it.reflector.status().events, 3);
  });

  test('idle for 90 s it is aborted and resumed from the same version, with no relist and no growing delay', async () => {
    await using it = await listedAt(10, []);
    for (let round = 0; round < 5; round += 1) await it.clock.advance(90_000);
    assert.deepEqual(kinds(it.transport.urls).slice(2), Array(6).fill('watch@10'));
    assert.equal(it.reflector.status().idleAborts, 5);
    assert.equal(it.reflector.status().relists, 0);
    assert.equal(it.watch.closed, true);
  });

  test('a bookmark every minute keeps it open', async () => {
    await using it = await listedAt(10, []);
    for (let minute = 1; minute <= 5; minute += 1) {
      it.watch.write(bookmark(10 + minute));
      await it.clock.advance(60_000);
    }
    assert.equal(it.reflector.status().idleAborts, 0);
    assert.equal(it.watch.closed, false);
  });

  test('ended by the server it is resumed at once from the last version applied', async () => {
    await using it = await listedAt(10, []);
    it.watch.write(event('ADDED', podObject('a', 11)), bookmark(15)).end();
    await it.clock.settle();
    assert.deepEqual(kinds(it.transport.urls).slice(2), ['watch@10', 'watch@15']);
  });

  test('ended within a version that several events share it is listed anew: the rest would never come', async () => {
    const all = ['a', 'b', 'c'].map((name, index) => podObject(name, index + 1));
    await using it = await listedAt(10, all);
    it.watch.write(event('DELETED', podObject('a', 11)), event('DELETED', podObject('b', 11))).end();
    await it.clock.settle();
    assert.deepEqual(kinds(it.transport.urls).slice(2), ['watch@10', 'list']);
  });

  test('is resumed after such a version when something else came behind it', async () => {
    for (const behind of [bookmark(11), event('ADDED', podObject('d', 12))]) {
      await using it = await listedAt(10, [podObject('a', 1), podObject('b', 2)]);
      it.watch
        .write(event('DELETED', podObject('a', 11)), event('DELETED', podObject('b', 11)), behind)
        .end();
      await it.clock.settle();
      assert.match(kinds(it.transport.urls).at(-1)!, /^watch@1[12]$/);
    }
  });

  test('an ERROR event closes it at once', async () => {
    await using it = await listedAt(10, []);
    it.watch.write(
      { type: 'ERROR', object: status(500, 'InternalError', 'etcd lost') },
      event('ADDED', podObject('a', 11)),
    );
    await it.clock.settle();
    assert.equal(it.watch.closed, true);
    assert.deepEqual(it.names(), []);
  });

  test('410 means a relist, with jitter', async () => {
    for (const random of [0.25, 0.75]) {
      await using it = await listedAt(10, [], { random: () => random });
      it.watch.write({ type: 'ERROR', object: status(410, 'Expired', 'too old') });
      await it.clock.advance(800 * random - 1);
      assert.equal(it.transport.requests.length, 3);
      await it.clock.advance(1);
      assert.deepEqual(kinds(it.transport.urls).slice(3), ['list']);
    }
  });

  test('a 410 that answers the request itself means a relist too', async () => {
    await using it = await listedAt(10, []);
    it.transport.script(answer(status(410, 'Expired', 'too old'), 410));
    it.watch.end();
    await it.clock.advance(2_000);
    assert.equal(kinds(it.transport.urls).at(-1), 'list');
  });

  test('429 and 5xx back off and honour Retry-After, then resume', async () => {
    for (const error of [
      answer(status(429, 'TooManyRequests', 'slow down'), 429, { 'retry-after': '7' }),
      answer('upstream is gone', 503, { 'retry-after': '7' }),
    ]) {
      await using it = await listedAt(10, []);
      it.transport.script(error);
      it.watch.write(bookmark(11)).end();
      await it.clock.advance(6_999);
      assert.equal(it.transport.requests.length, 4);
      await it.clock.advance(1);
      assert.equal(kinds(it.transport.urls).at(-1), 'watch@11');
    }
  });

  test('a 429 as an ERROR event honours its retryAfterSeconds', async () => {
    await using it = await listedAt(10, []);
    it.watch.write({
      type: 'ERROR',
      object: status(429, 'TooManyRequests', 'slow down', { retryAfterSeconds: 5 }),
    });
    await it.clock.advance(4_999);
    assert.equal(it.transport.requests.length, 3);
    await it.clock.advance(1);
    assert.equal(it.transport.requests.length, 4);
  });

  test('a Retry-After of a day is waited for 30 s', async () => {
    await using it = await listedAt(10, []);
    it.transport.script(answer('', 503, { 'retry-after': '86400' }));
    it.watch.write(bookmark(11)).end();
    await it.clock.advance(29_999);
    assert.equal(kinds(it.transport.urls).length, 4);
    await it.clock.advance(1);
    assert.equal(kinds(it.transport.urls).length, 5);
  });

  test('"too large resource version" means a relist', async () => {
    await using it = await listedAt(10, []);
    const cause = { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' };
    it.transport.script(
      answer(
        status(504, 'Timeout', 'Timeout: Too large resource version: 10, current: 5', { causes: [cause] }),
        504,
      ),
    );
    it.watch.end();
    await it.clock.advance(2_000);
    assert.equal(kinds(it.transport.urls).at(-1), 'list');
  });

  test('the version is set after applying and never to empty', async () => {
    await using it = await listedAt(10, []);
    it.watch.write(event('ADDED', podObject('a', 11)), {
      type: 'BOOKMARK',
      object: { kind: 'Pod', metadata: { resourceVersion: '' } },
    });
    await it.clock.advance(1_000);
    assert.deepEqual(it.names(), ['a']);
    assert.equal(kinds(it.transport.urls).at(-1), 'watch@11');
  });

  test('half a line at the close is dropped', async () => {
    await using it = await listedAt(10, []);
    const whole = JSON.stringify(event('ADDED', podObject('b', 12)));
    it.watch
      .write(event('ADDED', podObject('a', 11)))
      .writeText(whole)
      .end();
    await it.clock.settle();
    assert.deepEqual(it.names(), ['a']);
    assert.deepEqual(kinds(it.transport.urls).slice(3), ['watch@11']);
    assert.equal(it.reflector.status().badLines, 0);
  });

  test('a bad full line means a reconnect, a repeat of it a relist', async () => {
    await using it = await listedAt(10, []);
    const again = new StreamingAnswer();
    it.transport.script(again.respond);
    it.watch.write(event('ADDED', podObject('a', 11))).writeText('{"type":"ADDED","obj\n');
    await it.clock.advance(1_000);
    assert.equal(kinds(it.transport.urls).at(-1), 'watch@11');
    again.writeText('{"type":"ADDED","obj\n');
    await it.clock.advance(2_000);
    assert.equal(kinds(it.transport.urls).at(-1), 'list');
    assert.equal(it.reflector.status().badLines, 2);
  });

  test('a line above 8 MiB ends the watch instead of filling the memory', async () => {
    await using it = await listedAt(10, []);
    it.watch.writeText('x'.repeat(5 * 1024 * 1024)).writeText('x'.repeat(5 * 1024 * 1024));
    await it.clock.settle();
    assert.equal(it.watch.closed, true);
    assert.equal(it.reflector.status().lastError?.error.code, 'protocol');
  });

  test('an event older than what was applied is not accepted: everything is read again', async () => {
    await using it = await listedAt(10, [podObject('a', 9)]);
    it.watch.write(event('MODIFIED', podObject('a', 12)), event('MODIFIED', podObject('a', 8)));
    await it.clock.advance(1_000);
    assert.equal(it.store.get('default', 'a')?.resourceVersion, '12');
    assert.equal(kinds(it.transport.urls).at(-1), 'list');
  });
});
