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
import { answer, StreamingAnswer, unreachable } from '../../../test/support/scripted-transport.ts';
import { InternPool } from '../store/intern-pool.ts';
import { podProjection } from '../store/project-pod.ts';
import type { Regression } from './reflector-state.ts';

describe('Reflector: history', () => {
  test('a LIST older than what was seen is reported before anything of it is applied', async () => {
    const reported: Regression[] = [];
    await using it = await listedAt(100, [podObject('a', 90), podObject('b', 95)], {
      onRegression: (regression) => {
        assert.deepEqual(it.verbs(), []);
        reported.push(regression);
      },
    });
    it.transport.script(answer(listOf('Pod', 50, [podObject('a', 40)])));
    it.watch.write({ type: 'ERROR', object: status(410, 'Expired', 'too old') });
    await it.clock.advance(1_000);
    assert.deepEqual(reported, [{ resource: 'pods', namespace: '', seen: '100', listed: '50', at: 400 }]);
    assert.deepEqual(it.verbs(), ['~a', '-b']);
    assert.equal(it.reflector.status().regressions, 1);
    assert.equal(kinds(it.transport.urls).at(-1), 'watch@50');
  });

  test('a WatchList older than what was seen is reported before anything of it is applied', async () => {
    const reported: Regression[] = [];
    await using it = reflectorOfPods({
      onRegression: (regression) => {
        assert.deepEqual(it.verbs(), []);
        reported.push(regression);
      },
    });
    const [first, second] = [new StreamingAnswer(), new StreamingAnswer()];
    it.transport.script(first.respond, second.respond);
    await it.start();
    first.write(
      event('ADDED', podObject('a', 90)),
      event('ADDED', podObject('b', 95)),
      initialEventsEnd(100),
    );
    first.write({ type: 'ERROR', object: status(410, 'Expired', 'too old') });
    await it.clock.advance(1_000);
    it.verbs();
    second.write(event('ADDED', podObject('a', 40)), initialEventsEnd(50));
    await it.clock.settle();
    assert.equal(reported.length, 1);
    assert.deepEqual(it.verbs(), ['~a', '-b']);
  });

  test('a watch resumed into another history is noticed beside it, and everything is read again', async () => {
    const reported: Regression[] = [];
    await using it = await listedAt(100, [podObject('a', 90)], {
      onRegression: (regression) => reported.push(regression),
    });
    const silent = new StreamingAnswer();
    it.transport.version = '50';
    it.transport.script(silent.respond, answer(listOf('Pod', 51, [podObject('a', 40)])));
    it.watch.end();
    await it.clock.advance(2_000);
    assert.deepEqual(
      reported.map(({ seen, listed }) => [seen, listed]),
      [['100', '50']],
    );
    assert.equal(silent.closed, true);
    assert.deepEqual(kinds(it.transport.urls).slice(2), ['watch@100', 'watch@100', 'list', 'watch@51']);
    assert.deepEqual(it.verbs(), ['~a']);
  });

  test('the check of history holds up neither the watch nor its events', async () => {
    await using it = await listedAt(100, []);
    const resumed = new StreamingAnswer();
    it.transport.version = undefined;
    it.transport.script(resumed.respond);
    it.watch.end();
    await it.clock.advance(1_000);
    assert.equal(it.transport.checks, 1);
    resumed.write(event('ADDED', podObject('a', 101)));
    await it.clock.settle();
    assert.deepEqual(it.names(), ['a']);
    resumed.write(bookmark(102));
    await it.clock.advance(61_000);
    assert.equal(it.reflector.status().state.kind, 'watching');
    assert.equal(it.reflector.status().lastError, undefined);
  });

  test('a check answered after newer events is no step back', async () => {
    await using it = await listedAt(100, []);
    const [resumed, check] = [new StreamingAnswer(), new StreamingAnswer()];
    it.transport.script(resumed.respond);
    const request = it.transport.request.bind(it.transport);
    it.transport.request = async (asked) =>
      asked.path.includes('limit=1&') ? check.respond(asked) : request(asked);
    it.watch.end();
    await it.clock.advance(1_000);
    resumed.write(event('ADDED', podObject('a', 105)));
    await it.clock.settle();
    check.writeText(JSON.stringify(listOf('Pod', 103, []))).end();
    await it.clock.advance(1_000);
    assert.equal(it.reflector.status().regressions, 0);
    assert.equal(resumed.closed, false);
  });

  test('a watch right after a list needs no check of history', async () => {
    await using it = await listedAt(100, []);
    assert.equal(it.transport.checks, 0);
  });

  test('a regression handler that throws stops nothing', async () => {
    await using it = await listedAt(100, [], {
      onRegression: () => {
        throw new Error('no');
      },
    });
    it.transport.script(answer(listOf('Pod', 50, [podObject('a', 40)])));
    it.watch.write({ type: 'ERROR', object: status(410, 'Expired', 'too old') });
    await it.clock.advance(1_000);
    assert.equal(it.reflector.status().regressions, 1);
    assert.deepEqual(it.names(), ['a']);
  });
});

describe('Reflector: loop', () => {
  test('never gives up: waits grow from 0.8 s to 30 s', async () => {
    await using it = await listedAt(10, [], { random: () => 0.999999 });
    it.transport.script(...Array(20).fill(unreachable));
    it.watch.fail();
    const waits: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      await it.clock.settle();
      const { state } = it.reflector.status();
      assert.equal(state.kind, 'waiting');
      waits.push(Math.round(state.until - state.since));
      await it.clock.advance(state.until - state.since);
    }
    assert.deepEqual(waits.slice(0, 8), [800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
    assert.equal(kinds(it.transport.urls).at(-1), 'watch@10');
  });

  test('a healthy watch resets the waits', async () => {
    await using it = await listedAt(10, [], { random: () => 0.999999 });
    const healthy = new StreamingAnswer();
    it.transport.script(unreachable, unreachable, unreachable, healthy.respond);
    it.watch.fail();
    await it.clock.advance(0.8e3 + 1.6e3 + 3.2e3 + 6.4e3);
    healthy.write(bookmark(11)).fail();
    await it.clock.settle();
    const { state } = it.reflector.status();
    assert.equal(state.kind === 'waiting' && Math.round(state.until - state.since), 800);
  });

  test('a server that comes back from an outage without its history is listed soon', async () => {
    await using it = await listedAt(10, [], { random: () => 0.999999 });
    const list = new StreamingAnswer();
    const gone = answer(status(410, 'Expired', 'too old'), 410);
    it.transport.script(unreachable, unreachable, unreachable, unreachable, gone, list.respond);
    it.watch.fail();
    await it.clock.advance(0.8e3 + 1.6e3 + 3.2e3 + 6.4e3 + 12.8e3);
    const { state } = it.reflector.status();
    assert.equal(state.kind === 'waiting' && state.next, 'list');
    assert.equal(state.kind === 'waiting' && Math.round(state.until - state.since), 800);
  });

  test('a server that closes every watch at once is not hammered', async () => {
    await using it = await listedAt(10, []);
    it.transport.script(...Array.from({ length: 1_000 }, () => answer('')));
    it.watch.end();
    await it.clock.advance(60_000);
    assert.ok(it.transport.requests.length < 15, `${it.transport.requests.length} requests`);
  });

  test('403 and 404 are retried slowly and show in the status', async () => {
    for (const [code, reason, expected] of [
      [403, 'Forbidden', 'forbidden'],
      [404, 'NotFound', 'not-found'],
    ] as const) {
      await using it = reflectorOfPods();
      const refused = answer(status(code, reason, 'pods is forbidden: no RBAC'), code);
      it.transport.script(...Array(20).fill(refused));
      await it.start();
      const { lastError, state } = it.reflector.status();
      assert.equal(lastError?.error.code, expected);
      assert.match(lastError?.error.message ?? '', /GET \/api\/v1\/pods: pods is forbidden: no RBAC/);
      assert.equal(state.kind, 'waiting');
      // An API server that starts refuses everything for a moment, which must not cost half a minute.
      await it.clock.advance(1_500);
      assert.equal(it.transport.requests.length, 2);
      await it.clock.advance(13_500);
      assert.equal(it.transport.requests.length, 11);
      await it.clock.advance(29_999);
      assert.equal(it.transport.requests.length, 11);
      await it.clock.advance(1);
      assert.equal(it.transport.requests.length, 12);
    }
  });

  test('an error is cleared from the status when the watch delivers again', async () => {
    await using it = await listedAt(10, []);
    const again = new StreamingAnswer();
    it.transport.script(again.respond);
    it.watch.fail();
    await it.clock.advance(1_000);
    assert.equal(it.reflector.status().lastError?.error.code, 'unreachable');
    again.write(bookmark(11));
    await it.clock.settle();
    assert.equal(it.reflector.status().lastError, undefined);
    assert.equal(it.reflector.status().lastHeardAt, 1_000);
  });

  test('after its signal: no request, no handler, no error', async () => {
    const it = await listedAt(10, []);
    it.watch.write(event('ADDED', podObject('a', 11)));
    it.abort.abort();
    await it.reflector.start(it.abort.signal);
    await it.clock.advance(600_000);
    assert.deepEqual(it.verbs(), []);
    assert.equal(it.transport.requests.length, 3);
    assert.deepEqual(it.reflector.status().state, { kind: 'stopped' });
    assert.equal(it.reflector.status().lastError, undefined);
    assert.equal(it.clock.pending, 0);
  });

  test('stopped during a LIST it opens no watch', async () => {
    const it = reflectorOfPods();
    const list = new StreamingAnswer();
    it.transport.script(watchListRefused, list.respond);
    await it.start();
    list.writeText(JSON.stringify(listOf('Pod', 10, [podObject('a', 1)]))).end();
    it.abort.abort();
    await it.reflector.start(it.abort.signal);
    assert.equal(it.transport.requests.length, 2);
    assert.deepEqual(it.names(), []);
  });

  test('a handler that stops the reflector hears of nothing after that', async () => {
    const it = await listedAt(10, []);
    it.store.subscribe(() => it.abort.abort());
    it.watch.writeText(
      [event('ADDED', podObject('a', 11)), event('ADDED', podObject('b', 12))]
        .map((each) => `${JSON.stringify(each)}\n`)
        .join(''),
    );
    await it.reflector.start(it.abort.signal);
    assert.deepEqual(it.verbs(), ['+a']);
  });

  test('start() is idempotent', async () => {
    await using it = reflectorOfPods();
    const first = it.reflector.start(it.abort.signal);
    assert.equal(it.reflector.start(new AbortController().signal), first);
    await it.clock.settle();
    assert.equal(it.transport.requests.length, 1);
  });
});

describe('Reflector: delivery', () => {
  test('a new uid under the same name is a removal of the old and an addition of the new', async () => {
    await using it = await listedAt(10, [podObject('a', 1, { uid: 'old' })]);
    it.watch.write(event('MODIFIED', podObject('a', 11, { uid: 'new' })));
    await it.clock.settle();
    assert.deepEqual(it.heard, [
      { verb: '-a', cause: 'replaced' },
      { verb: '+a', cause: 'event' },
    ]);
  });

  test('an object that cannot be read is left as it was and holds nobody up', async () => {
    const project = podProjection('kube-registrar.io/', new InternPool());
    let broken = false;
    await using it = await listedAt(10, [podObject('a', 1), podObject('bad', 2)], {
      project: (pod) => {
        if (broken && pod.metadata?.name === 'bad') throw new Error('unreadable');
        return project(pod);
      },
    });
    broken = true;
    it.watch.write(event('MODIFIED', podObject('bad', 11)), event('ADDED', podObject('c', 12)));
    it.transport.script(
      answer(listOf('Pod', 20, [podObject('a', 1), podObject('bad', 11), podObject('c', 12)])),
    );
    it.watch.write({ type: 'ERROR', object: status(410, 'Expired', 'too old') });
    await it.clock.advance(1_000);
    assert.deepEqual(it.names(), ['a', 'bad', 'c']);
    assert.deepEqual(it.verbs(), ['+c']);
    assert.equal(it.reflector.status().badObjects, 2);
  });
});
