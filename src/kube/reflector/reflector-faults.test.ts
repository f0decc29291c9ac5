import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { reflectorOnServer } from '../../../test/support/reflector-on-server.ts';
import type { Fault } from '../../sandbox/kube/faults.ts';

type Setup = ReturnType<typeof reflectorOnServer>;

/** Answers the next `count` requests by a fault. */
function next(it: Setup, count: number, fault: Fault): void {
  let left = count;
  it.api.faults.intercept = () => {
    left -= 1;
    return left >= 0 ? fault : undefined;
  };
}

const disturbances: Record<string, (it: Setup) => void> = {
  'the server ends the watch': (it) => it.api.faults.cutWatches('end'),
  'the connection breaks': (it) => it.api.faults.cutWatches('reset'),
  'the connection breaks in the middle of a line': (it) => it.api.faults.cutWatches('mid-line'),
  'a line is garbage': (it) => it.api.faults.sendGarbage(),
  'the watch goes silent': (it) => it.api.faults.stallWatches(),
  'the watch wakes up': (it) => it.api.faults.resumeWatches(),
  'history is compacted': (it) => {
    // A change of something else, so that the version the pods were last seen at is too old.
    it.api.addNamespace(`namespace-${it.api.store.revision}`);
    it.api.faults.compact();
    it.api.faults.cutWatches('end');
  },
  'WatchList is switched off': (it) => {
    it.api.faults.watchList = false;
  },
  'WatchList is switched on': (it) => {
    it.api.faults.watchList = true;
  },
  'the server is throttling': (it) =>
    next(it, 2, { kind: 'answer', status: 429, headers: { 'retry-after': '2' } }),
  'the server is failing': (it) => next(it, 2, { kind: 'answer', status: 500 }),
  'rights are missing': (it) => next(it, 1, { kind: 'answer', status: 403 }),
  'answers break off': (it) => next(it, 2, { kind: 'truncate', bytes: 700 }),
  'requests hang': (it) => next(it, 1, { kind: 'hang' }),
  'a proxy answers': (it) => next(it, 2, { kind: 'answer', status: 200, body: '<html></html>' }),
  'the server is behind': (it) => it.api.faults.serveStale(),
  'the server catches up': (it) => it.api.faults.serveFresh(),
};

function calm(it: Setup): void {
  it.api.faults.intercept = undefined;
  it.api.faults.resumeWatches();
  it.api.faults.serveFresh();
}

describe('Reflector against the in-memory API server', () => {
  for (const [what, disturb] of Object.entries(disturbances)) {
    test(`is true to the server again after: ${what}`, async () => {
      await using it = reflectorOnServer();
      it.apply('a', '10.0.0.1');
      it.apply('b', '10.0.0.2');
      await it.clock.settle();
      disturb(it);
      it.api.faults.cutWatches('end');
      it.remove('a');
      it.apply('b', '10.0.0.3');
      it.apply('c', '10.0.0.4');
      await it.clock.advance(20_000);
      calm(it);
      await it.clock.advance(120_000);
      assert.deepEqual(it.known(), it.actual());
      assert.equal(it.reflector.status().state.kind, 'watching');
      assert.equal(it.reflector.status().lastError, undefined);
    });
  }

  test('finds at a relist what no event told of', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    it.apply('b', '10.0.0.2');
    await it.clock.settle();
    it.api.store.vanish('pods', 'default', 'a');
    await it.clock.advance(60_000);
    assert.equal(it.store.size, 2);
    disturbances['history is compacted']?.(it);
    await it.clock.advance(5_000);
    assert.deepEqual(it.known(), it.actual());
    assert.deepEqual(it.reflector.status().drift, { added: 0, changed: 0, removed: 1 });
  });

  test('reports a restore from a backup and takes up the state that came back', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    await it.clock.settle();
    const backup = it.api.store.snapshot();
    for (let index = 0; index < 5; index += 1) it.apply('a', `10.0.1.${index}`);
    it.apply('b', '10.0.0.2');
    await it.clock.settle();
    it.api.faults.restore(backup);
    await it.clock.advance(700_000);
    assert.equal(it.regressions.length, 1);
    assert.deepEqual(it.known(), it.actual());
  });

  test('notices a restore also when the first questions about the version are not answered', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    await it.clock.settle();
    const backup = it.api.store.snapshot();
    it.apply('a', '10.0.1.1');
    it.apply('b', '10.0.1.2');
    await it.clock.settle();
    let refused = 0;
    it.api.faults.intercept = ({ path }) =>
      /[?&]limit=1(?:&|$)/.test(path) && refused++ < 3 ? { kind: 'answer', status: 500 } : undefined;
    it.api.faults.restore(backup);
    await it.clock.advance(60_000);
    assert.equal(refused, 4);
    assert.deepEqual(it.known(), it.actual());
  });

  test('does not take two states for one because a restored history reuses their version', async () => {
    await using it = reflectorOnServer();
    it.apply('a', '10.0.0.1');
    it.apply('b', '10.0.0.2');
    await it.clock.settle();
    const backup = it.api.store.snapshot();
    const lost = it.apply('a', '10.0.1.1');
    it.apply('b', '10.0.1.2');
    await it.clock.settle();
    it.api.faults.restore(backup);
    const found = it.apply('a', '10.0.2.1');
    assert.equal(found.metadata.resourceVersion, lost.metadata.resourceVersion);
    await it.clock.advance(60_000);
    assert.deepEqual(it.store.get('default', 'a')?.ips, ['10.0.2.1']);
  });

  test('equals the server after any sequence of changes and disturbances', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const step = fc.oneof(
      fc.record({ kind: fc.constant('apply' as const), name, ip: fc.ipV4() }),
      fc.record({ kind: fc.constant('remove' as const), name }),
      fc.record({
        kind: fc.constant('disturb' as const),
        what: fc.constantFrom(...Object.keys(disturbances)),
      }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 5_000, 100_000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(step, { maxLength: 30 }), async (seed, steps) => {
        await using it = reflectorOnServer(seed);
        for (const each of steps) {
          switch (each.kind) {
            case 'apply':
              it.apply(each.name, each.ip);
              break;
            case 'remove':
              it.remove(each.name);
              break;
            case 'disturb':
              disturbances[each.what]?.(it);
              break;
            case 'wait':
              await it.clock.advance(each.ms);
              break;
          }
          await it.clock.settle();
        }
        calm(it);
        await it.clock.advance(200_000);
        assert.deepEqual(it.known(), it.actual());
        assert.equal(it.store.handlerErrors, 0);
        assert.deepEqual(it.regressions, []);
      }),
      { numRuns: 60 },
    );
  });
});
