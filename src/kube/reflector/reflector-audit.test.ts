import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reflectorOnServer } from '../../../test/support/reflector-on-server.ts';

/** Complete lists asked for, other than WatchLists. */
function countLists(it: ReturnType<typeof reflectorOnServer>): { count: number } {
  const lists = { count: 0 };
  it.api.faults.intercept = ({ path }) => {
    if (path.includes('limit=500')) lists.count += 1;
    return undefined;
  };
  return lists;
}

/** The API server cannot be reached for a while. */
async function away(it: ReturnType<typeof reflectorOnServer>, ms: number, meanwhile = () => {}) {
  it.api.faults.intercept = () => ({ kind: 'reset', applied: false });
  it.api.faults.cutWatches('reset');
  meanwhile();
  await it.clock.advance(ms);
  it.api.faults.intercept = undefined;
}

/** Restores a backup from before `lost`, and lets the new history come further than the old one. */
function restoreAndCatchUp(it: ReturnType<typeof reflectorOnServer>, lost: () => void): () => void {
  const backup = it.api.store.snapshot();
  lost();
  const { revision } = it.api.store;
  return () => {
    it.api.faults.restore(backup);
    while (it.api.store.revision <= revision) it.api.addNamespace(`other-${it.api.store.revision}`);
  };
}

describe('Reflector: audit', () => {
  test('a watch that is resumed at once is believed: nothing is listed', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    await it.clock.settle();
    const lists = countLists(it);
    for (let round = 0; round < 5; round += 1) {
      it.api.faults.cutWatches('end');
      await it.clock.advance(100_000);
    }
    assert.equal(lists.count, 0);
  });

  test('nothing is listed while nothing happens, but once an hour', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    await it.clock.settle();
    const lists = countLists(it);
    await it.clock.advance(4 * 4_320_000);
    assert.ok(lists.count >= 4 && lists.count <= 6, `${lists.count} lists in 4.8 hours`);
    assert.equal(it.reflector.status().relists, 0);
  });

  test('after an outage it is resumed where it ended, and compared with one list that changes nothing', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    it.apply('b', '10.0.0.2');
    await it.clock.settle();
    await away(it, 30_000, () => it.remove('a'));
    const lists = countLists(it);
    const heard: string[] = [];
    it.store.subscribe((before, _after, cause) => void heard.push(`${before?.name} ${cause}`));
    await it.clock.advance(120_000);
    assert.equal(lists.count, 1);
    assert.equal(it.reflector.status().relists, 0);
    assert.deepEqual(heard, ['a event'], 'the end of a pod during the outage is an event, not an absence');
  });

  test('notices an etcd restored during an outage, though its history has come as far', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    it.apply('b', '10.0.0.2');
    await it.clock.settle();
    const restore = restoreAndCatchUp(it, () => {
      it.apply('a', '10.0.1.1');
      it.apply('c', '10.0.1.3');
      it.remove('b');
    });
    await it.clock.settle();
    await away(it, 10_000, restore);
    await it.clock.advance(60_000);
    assert.deepEqual(it.known(), it.actual());
    assert.equal(it.regressions.length, 1, 'whoever removes things is told');
  });

  test('does not trust a version that it got only after the new history had come as far', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    it.apply('b', '10.0.0.2');
    await it.clock.settle();
    const restore = restoreAndCatchUp(it, () => {
      it.apply('a', '10.0.1.1');
      it.remove('b');
    });
    await it.clock.settle();
    // The watch is back at once, while every list fails: the version of the server is not known for long.
    it.api.faults.intercept = ({ path }) =>
      path.includes('watch=true') ? undefined : { kind: 'reset', applied: false };
    it.api.faults.cutWatches('reset');
    restore();
    await it.clock.advance(20_000);
    it.api.faults.intercept = undefined;
    await it.clock.advance(90_000);
    assert.deepEqual(it.known(), it.actual());
    assert.equal(it.regressions.length, 1);
  });

  test('notices an etcd restored behind a watch that was silent until it was given up', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    it.apply('b', '10.0.0.2');
    await it.clock.settle();
    const backup = it.api.store.snapshot();
    it.apply('a', '10.0.1.1');
    it.remove('b');
    await it.clock.settle();
    const { revision } = it.api.store;
    // The server is gone without a word, and another takes its place.
    it.api.faults.stallWatches();
    it.api.store.restore(backup);
    while (it.api.store.revision <= revision) it.api.addNamespace(`other-${it.api.store.revision}`);
    await it.clock.advance(91_000);
    assert.equal(it.reflector.status().idleAborts, 1);
    it.api.faults.resumeWatches();
    await it.clock.advance(90_000);
    assert.deepEqual(it.known(), it.actual());
    assert.equal(it.regressions.length, 1);
  });

  test('heals within the next hourly audit where not even an outage was seen', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    await it.clock.settle();
    const restore = restoreAndCatchUp(it, () => void it.apply('a', '10.0.1.1'));
    await it.clock.settle();
    // Nothing is heard any more, and the new connection is there at once.
    it.api.faults.stallWatches();
    restore();
    it.api.faults.resumeWatches();
    await it.clock.advance(4_500_000);
    assert.deepEqual(it.known(), it.actual());
  });

  test('a list that came short is made up for: an absence in one list is looked at in another', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    it.apply('b', '10.0.0.2');
    await it.clock.settle();
    it.api.faults.watchList = false;
    let isShort = true;
    it.api.faults.intercept = ({ path }) => {
      if (!isShort || !path.includes('limit=500')) return undefined;
      isShort = false;
      const metadata = { resourceVersion: String(it.api.store.revision) };
      const body = { kind: 'PodList', apiVersion: 'v1', metadata, items: [] };
      return { kind: 'answer', status: 200, body };
    };
    it.api.addNamespace('other');
    it.api.faults.compact();
    it.api.faults.cutWatches('end');
    await it.clock.advance(2_000);
    assert.equal(it.store.size, 0, 'it was believed at first');
    await it.clock.advance(20_000);
    assert.deepEqual(it.known(), it.actual());
    assert.deepEqual(it.regressions.length, 1);
  });

  test('a watch that has fallen behind is ended and everything listed, without a word of another history', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    await it.clock.settle();
    it.api.faults.stallWatches();
    it.apply('a', '10.0.1.1');
    it.reflector.doubt();
    // So is the WatchList that is tried first.
    await it.clock.advance(90_000);
    assert.deepEqual(it.known(), it.actual());
    assert.deepEqual(it.regressions, []);
  });
});
