import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { MemoryNaming } from './memory/memory-naming.ts';
import { MemoryRegistry } from './memory/memory-registry.ts';
import type { NamingError } from './naming-error.ts';
import { Pool, type PoolOptions } from './pool.ts';
import type { PoolMember } from './pool-members.ts';

let clock: VirtualClock;
let registry: MemoryRegistry;
let naming: MemoryNaming;
let changes: string[];

const ages = (members: readonly PoolMember[]) => members.map(({ id, age }) => `${id}:${age}`).join(' ');
const register = (id: string, meta: Record<string, string> = {}, tags: string[] = []) =>
  naming.register({ id, name: 'web', address: '10.0.0.1', port: 80, meta, tags });
const open = (options: PoolOptions = {}) =>
  Pool.open(naming, 'web', { clock, onChange: (members) => void changes.push(ages(members)), ...options });

beforeEach(() => {
  clock = new VirtualClock();
  registry = new MemoryRegistry();
  naming = new MemoryNaming({ registry });
  changes = [];
});

afterEach(async () => {
  await naming.close();
  assert.equal(clock.pending, 0, 'timers left behind');
});

describe('Pool', () => {
  test('outlives an onChange and a report that throw, also when somebody grows up', async () => {
    let calls = 0;
    const broken = (): never => {
      calls += 1;
      throw new Error('broken');
    };
    await using pool = await open({ onChange: broken, report: broken });
    await register('a');
    await clock.advance(10_000);
    assert.equal(ages(pool.members), 'a:adult');
    assert.equal(calls, 4);
  });

  test('those found at the start are adult, and no change', async () => {
    await register('a');
    await using pool = await open();
    assert.equal(ages(pool.members), 'a:adult');
    assert.deepEqual(changes, []);
  });

  test('one that comes later is young for 10 s', async () => {
    await register('a');
    await using pool = await open();
    await register('b');
    await clock.advance(9_999);
    assert.equal(ages(pool.members), 'a:adult b:young');
    assert.deepEqual([ages(pool.adults), ages(pool.young)], ['a:adult', 'b:young']);
    await clock.advance(1);
    assert.equal(ages(pool.members), 'a:adult b:adult');
    assert.deepEqual(changes, ['a:adult b:young', 'a:adult b:adult']);
  });

  test('the first to come to a pool that started empty is young', async () => {
    await using pool = await open({ youngMs: 500 });
    await register('a');
    await clock.settle();
    assert.equal(ages(pool.members), 'a:young');
    await clock.advance(500);
    assert.equal(ages(pool.members), 'a:adult');
  });

  test('each grows up in its own time', async () => {
    await using _pool = await open();
    await register('a');
    await clock.advance(4_000);
    await register('b');
    await clock.advance(6_000);
    assert.equal(changes.at(-1), 'a:adult b:young');
    await clock.advance(4_000);
    assert.equal(changes.at(-1), 'a:adult b:adult');
  });

  test('a changed instance keeps its age, one that went and came back is young again', async () => {
    await register('a');
    await using pool = await open();
    await register('a', { zone: '2' });
    await clock.settle();
    assert.equal(ages(pool.members), 'a:adult');
    registry.setState('a', 'critical');
    await clock.settle();
    assert.equal(ages(pool.members), '');
    registry.setState('a', 'passing');
    await clock.settle();
    assert.equal(ages(pool.members), 'a:young');
  });

  test('meta service_state overrides both the start and the delay', async () => {
    await register('a', { service_state: 'young' });
    await using pool = await open();
    await register('b', { service_state: 'adult' });
    await clock.settle();
    assert.equal(ages(pool.members), 'a:young b:adult');
    await clock.advance(60_000);
    assert.equal(ages(pool.members), 'a:young b:adult');
    await register('a', { service_state: 'adult' });
    await clock.settle();
    assert.equal(ages(pool.members), 'a:adult b:adult');
  });

  test('onChange gets the difference, growing up as a change', async () => {
    const diffs: unknown[] = [];
    await using _pool = await open({
      onChange: (_members, { added, removed, changed }) => {
        diffs.push([ages(added), ages(removed), changed.map(({ before, after }) => ages([before, after]))]);
      },
    });
    await register('a');
    await clock.advance(10_000);
    await naming.deregister('a');
    await clock.settle();
    assert.deepEqual(diffs, [
      ['a:young', '', []],
      ['', '', ['a:young a:adult']],
      ['', 'a:adult', []],
    ]);
  });

  test('filters by tag', async () => {
    await register('a', {}, ['gate']);
    await register('b');
    await using pool = await open({ tags: ['gate'] });
    assert.equal(ages(pool.members), 'a:adult');
  });

  test('reports what onChange throws, also when somebody grows up', async () => {
    const reports: NamingError[] = [];
    await using pool = await open({
      onChange: () => {
        throw new Error('boom');
      },
      report: (error) => reports.push(error),
    });
    await register('a');
    await clock.advance(10_000);
    assert.equal(ages(pool.members), 'a:adult');
    assert.deepEqual(
      reports.map(({ code }) => code),
      ['callback-failed', 'callback-failed'],
    );
  });

  test('disposed of, it leaves no timer and frees the subscription', async () => {
    const pool = await open();
    await register('a');
    await clock.settle();
    await pool[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
    await naming.subscribe('web', () => {});
  });

  test('ends with its signal', async () => {
    const abort = new AbortController();
    await open({ signal: abort.signal });
    await register('a');
    await clock.settle();
    abort.abort();
    await register('b');
    await clock.advance(60_000);
    assert.deepEqual(changes, ['a:young']);
  });
});
