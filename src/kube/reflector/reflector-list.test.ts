import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  bookmark,
  event,
  initialEventsEnd,
  listOf,
  podObject,
  status,
} from '../../../test/support/kube-objects.ts';
import {
  kinds,
  listedAt,
  reflectorOfPods,
  watchListRefused,
} from '../../../test/support/reflector-of-pods.ts';
import { answer, StreamingAnswer } from '../../../test/support/scripted-transport.ts';
import { InternPool } from '../store/intern-pool.ts';
import { podProjection } from '../store/project-pod.ts';

describe('Reflector: list', () => {
  test('asks for pages of 500 with the resourceVersion unset', async () => {
    await using it = reflectorOfPods();
    it.transport.script(watchListRefused, answer(listOf('Pod', 10, [podObject('a', 1)])));
    await it.start();
    const query = it.transport.urls[1]?.searchParams;
    assert.equal(query?.get('limit'), '500');
    assert.equal(query?.has('resourceVersion'), false);
  });

  test('follows continue tokens and is synced only after the last page', async () => {
    await using it = reflectorOfPods();
    const last = new StreamingAnswer();
    it.transport.script(
      watchListRefused,
      answer(listOf('Pod', 10, [podObject('a', 1)], 'more')),
      last.respond,
    );
    await it.start();
    assert.equal(it.reflector.status().synced, false);
    assert.equal(it.transport.urls[2]?.searchParams.get('continue'), 'more');
    last.writeText(JSON.stringify(listOf('Pod', 10, [podObject('b', 2)]))).end();
    await it.reflector.synced;
    assert.deepEqual(it.names(), ['a', 'b']);
  });

  test('yields to the event loop about every 8 ms of parsing', async () => {
    const times = { now: 0 };
    const project = podProjection('kube-registrar.io/', new InternPool());
    await using it = reflectorOfPods({
      project: (pod) => {
        times.now += 3;
        return project(pod);
      },
    });
    let yields = 0;
    it.clock.now = () => times.now;
    it.clock.yield = async () => {
      yields += 1;
    };
    const pods = Array.from({ length: 30 }, (_, index) => podObject(`p${index}`, 1));
    it.transport.script(watchListRefused, answer(listOf('Pod', 10, pods)));
    await it.start();
    assert.equal(it.store.size, 30);
    assert.equal(yields, 10);
  });

  test('a relist is a swap: what is missing is removed after the last complete page, not before', async () => {
    await using it = await listedAt(10, [podObject('a', 1), podObject('b', 2)]);
    const last = new StreamingAnswer();
    it.transport.script(answer(listOf('Pod', 20, [podObject('c', 11)], 'more')), last.respond);
    it.watch.write({ type: 'ERROR', object: status(410, 'Expired', 'too old') });
    await it.clock.advance(60_000 - 1);
    assert.deepEqual(it.verbs(), ['+c']);
    last.writeText(JSON.stringify(listOf('Pod', 20, [podObject('b', 2)]))).end();
    await it.clock.settle();
    assert.deepEqual(it.heard, [{ verb: '-a', cause: 'relist' }]);
    assert.deepEqual(it.reflector.status().drift, { added: 1, changed: 0, removed: 1 });
  });

  test('a truncated page is an error and removes nothing', async () => {
    await using it = await listedAt(10, [podObject('a', 1)]);
    const cut = new StreamingAnswer();
    it.transport.script(cut.respond);
    it.watch.write({ type: 'ERROR', object: status(410, 'Expired', 'too old') });
    await it.clock.advance(1_000);
    cut.writeText('{"kind":"PodList","metadata":{"resourceVersion":"20"},"items":[').end();
    await it.clock.settle();
    assert.deepEqual(it.verbs(), []);
    assert.equal(it.reflector.status().lastError?.error.code, 'protocol');
    assert.equal(it.reflector.status().state.kind, 'waiting');
  });

  test('an answer that is not clearly a list of pods is never read as an empty cluster', async () => {
    for (const body of [
      '',
      '{}',
      'null',
      { kind: 'PodList', metadata: { resourceVersion: '20' } },
      { kind: 'PodList', metadata: {}, items: [] },
      { kind: 'ServiceList', metadata: { resourceVersion: '20' }, items: [] },
    ]) {
      await using it = await listedAt(10, [podObject('a', 1)]);
      it.transport.script(answer(body));
      it.watch.write({ type: 'ERROR', object: status(410, 'Expired', 'too old') });
      await it.clock.advance(1_000);
      assert.deepEqual(it.names(), ['a'], JSON.stringify(body));
      assert.equal(it.reflector.status().lastError?.error.code, 'protocol');
    }
  });

  test('a 410 in mid-paging restarts the list from its first page', async () => {
    await using it = reflectorOfPods();
    it.transport.script(
      watchListRefused,
      answer(listOf('Pod', 10, [podObject('a', 1)], 'more')),
      answer(status(410, 'Expired', 'the continue token is too old'), 410),
      answer(listOf('Pod', 20, [podObject('b', 11)])),
    );
    await it.start();
    await it.clock.advance(1_000);
    assert.equal(it.transport.urls[3]?.searchParams.has('continue'), false);
    assert.deepEqual(it.names(), ['b']);
  });

  test('a page that drips is given up after five minutes: it never falls silent', async () => {
    await using it = reflectorOfPods();
    const drip = new StreamingAnswer();
    it.transport.script(watchListRefused, drip.respond);
    await it.start();
    for (let half = 0; half < 10; half += 1) {
      assert.equal(drip.closed, false);
      drip.writeText(' ');
      await it.clock.advance(30_000);
    }
    assert.equal(drip.closed, true);
    assert.equal(it.reflector.status().lastError?.error.code, 'timeout');
  });

  test('a server silent for 60 s in the middle of a page is given up', async () => {
    await using it = reflectorOfPods();
    const silent = new StreamingAnswer();
    it.transport.script(watchListRefused, silent.respond);
    await it.start();
    silent.writeText('{"kind":"PodList",');
    await it.clock.advance(50_000);
    silent.writeText('"metadata":');
    await it.clock.advance(50_000);
    assert.equal(silent.closed, false);
    await it.clock.advance(10_000);
    assert.equal(silent.closed, true);
    assert.equal(it.reflector.status().lastError?.error.code, 'timeout');
  });
});

describe('Reflector: WatchList', () => {
  test('is tried first, and what follows its end is watched on the same stream', async () => {
    await using it = reflectorOfPods();
    const stream = new StreamingAnswer();
    it.transport.script(stream.respond);
    await it.start();
    const query = it.transport.urls[0]?.searchParams;
    assert.equal(query?.get('resourceVersionMatch'), 'NotOlderThan');
    assert.equal(query?.get('allowWatchBookmarks'), 'true');
    assert.equal(query?.has('resourceVersion'), false);
    stream.write(event('ADDED', podObject('a', 3)), bookmark(4));
    await it.clock.settle();
    assert.equal(it.reflector.status().synced, false);
    stream.write(initialEventsEnd(10), event('ADDED', podObject('b', 11)));
    await it.clock.settle();
    assert.equal(it.reflector.status().synced, true);
    assert.deepEqual(it.heard, [
      { verb: '+a', cause: 'relist' },
      { verb: '+b', cause: 'event' },
    ]);
    assert.equal(it.transport.requests.length, 1);
  });

  test('once ended its stream is given up like any watch: after 90 s of silence, to resume from its version', async () => {
    await using it = reflectorOfPods();
    const stream = new StreamingAnswer();
    it.transport.script(stream.respond);
    await it.start();
    await it.clock.advance(10_000);
    stream.write(initialEventsEnd(10));
    await it.clock.advance(89_999);
    assert.equal(stream.closed, false);
    await it.clock.advance(1);
    assert.equal(stream.closed, true);
    assert.deepEqual(kinds(it.transport.urls), ['watch-list', 'watch@10']);
  });

  test('refused, it falls back to LIST at once and is probed again later', async () => {
    await using it = await listedAt(10, []);
    assert.deepEqual(kinds(it.transport.urls), ['watch-list', 'list', 'watch@10']);
    assert.equal(it.reflector.status().lastError, undefined);
    const again = new StreamingAnswer();
    it.transport.script(answer(listOf('Pod', 20, [])), again.respond);
    it.watch.write({ type: 'ERROR', object: status(410, 'Expired', 'too old') });
    await it.clock.advance(1_000);
    assert.deepEqual(kinds(it.transport.urls).slice(3), ['list', 'watch@20']);
    for (let minute = 1; minute <= 10; minute += 1) {
      again.write(bookmark(20 + minute));
      await it.clock.advance(60_000);
    }
    again.write({ type: 'ERROR', object: status(410, 'Expired', 'too old') });
    await it.clock.advance(1_000);
    assert.deepEqual(kinds(it.transport.urls).slice(5), ['watch-list']);
  });

  test('without its end within 60 s it is given up for LIST, however busy the stream', async () => {
    await using it = reflectorOfPods();
    const stream = new StreamingAnswer();
    it.transport.script(stream.respond, answer(listOf('Pod', 10, [podObject('a', 1)])));
    await it.start();
    for (let second = 0; second < 60; second += 1) {
      stream.write(event('ADDED', podObject('a', 1)));
      await it.clock.advance(1_000);
    }
    await it.clock.advance(1_000);
    assert.equal(stream.closed, true);
    assert.deepEqual(kinds(it.transport.urls), ['watch-list', 'list', 'watch@10']);
    assert.equal(it.reflector.status().synced, true);
  });

  test('cut short it removes nothing', async () => {
    await using it = reflectorOfPods();
    const [first, second] = [new StreamingAnswer(), new StreamingAnswer()];
    it.transport.script(first.respond, second.respond);
    await it.start();
    first.write(event('ADDED', podObject('a', 1)), event('ADDED', podObject('b', 2)), initialEventsEnd(10));
    first.write({ type: 'ERROR', object: status(410, 'Expired', 'too old') });
    await it.clock.advance(1_000);
    second.write(event('ADDED', podObject('a', 1))).fail();
    await it.clock.settle();
    assert.deepEqual(it.names(), ['a', 'b']);
    assert.equal(it.reflector.status().lists, 1);
  });
});
