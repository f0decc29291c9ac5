import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { WaitBudget } from './wait-budget.ts';

const broken = new RegistrarError('unreachable', 'other side closed');

function setUp(nodes = 30) {
  const clock = new VirtualClock();
  const said: string[] = [];
  const budget = new WaitBudget({
    clock,
    nodes,
    onReduced: (why, { nodes, lengthMs }) => said.push(`reduced to ${nodes} × ${lengthMs} ms: ${why}`),
    onRestored: ({ nodes, lengthMs }) => said.push(`restored to ${nodes} × ${lengthMs} ms`),
  });
  /** Time passes, and the budget is asked to grow as the watcher does. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 10_000) {
      await clock.advance(Math.min(10_000, left));
      budget.grow();
    }
  };
  /** Waits until `ageMs` have passed and is then cut. */
  const cutAfter = async (ageMs: number, error = broken) => {
    const setAt = clock.now();
    await clock.advance(ageMs);
    return budget.cut(error, setAt);
  };
  return { clock, budget, said, pass, cutAfter };
}

describe('WaitBudget', () => {
  test('grants all waits, ten minutes long, while nothing stands in the way', async () => {
    const { budget, said, pass } = setUp();
    await pass(3_600_000);
    assert.deepEqual(budget.limits, { nodes: 30, lengthMs: 600_000 });
    assert.deepEqual(said, []);
  });

  test('halves the waits that are in use when Consul refuses a connection, once for all refused together', async () => {
    const { clock, budget, said } = setUp();
    await clock.advance(1_000);
    for (let n = 0; n < 10; n += 1) budget.refused('429', clock.now(), 20);
    assert.equal(budget.limits.nodes, 10);
    budget.refused('429', clock.now() - 500, 10);
    assert.equal(budget.limits.nodes, 10, 'asked for before the halving');
    await clock.advance(1_000);
    budget.refused('429', clock.now(), 10);
    assert.equal(budget.limits.nodes, 5);
    assert.deepEqual(said, ['reduced to 10 × 600000 ms: 429']);
  });

  test('gives one wait back every 30 s, and says so once when all are back', async () => {
    const { clock, budget, said, pass } = setUp();
    await clock.advance(1_000);
    budget.refused('429', clock.now(), 30);
    await pass(60_000);
    assert.equal(budget.limits.nodes, 17);
    await pass(600_000);
    assert.equal(budget.limits.nodes, 30);
    assert.deepEqual(said.slice(1), ['restored to 30 × 600000 ms']);
  });

  test('shortens the waits when two in a row break at the same age', async () => {
    const { budget, said, cutAfter } = setUp();
    assert.equal(await cutAfter(60_000), true);
    assert.equal(budget.limits.lengthMs, 600_000, 'one may have been a server that ended');
    assert.equal(await cutAfter(60_050), true);
    assert.deepEqual(budget.limits, { nodes: 24, lengthMs: 48_000 });
    assert.deepEqual(said, [
      'reduced to 24 × 48000 ms: waits at Consul are cut after 60 s by something between',
    ]);
  });

  test('leaves the waits as long as they are when they break together, or at different ages', async () => {
    const { clock, budget, cutAfter } = setUp();
    const setAt = clock.now();
    await clock.advance(30_000);
    for (let n = 0; n < 20; n += 1) assert.equal(budget.cut(broken, setAt), true);
    await cutAfter(200_000);
    await cutAfter(90_000);
    assert.equal(budget.limits.lengthMs, 600_000);
  });

  test('takes a gateway timeout for a cut, and nothing else that Consul answers', async () => {
    const { budget, cutAfter } = setUp();
    const answered = (status: number) => new RegistrarError('unavailable', `${status}`, { status });
    for (let n = 0; n < 3; n += 1) assert.equal(await cutAfter(30_000, answered(500)), false);
    assert.equal(budget.limits.lengthMs, 600_000);
    for (let n = 0; n < 2; n += 1) assert.equal(await cutAfter(30_000, answered(504)), true);
    assert.equal(budget.limits.lengthMs, 24_000);
  });

  test('does not take a wait that breaks at once for a cut', async () => {
    const { cutAfter } = setUp();
    for (let n = 0; n < 3; n += 1) assert.equal(await cutAfter(1_000), false);
  });

  test('tries longer waits every ten minutes, and goes back at the first cut', async () => {
    const { budget, said, pass, cutAfter } = setUp();
    await cutAfter(10_000);
    await cutAfter(10_000);
    assert.deepEqual(budget.limits, { nodes: 4, lengthMs: 8_000 });
    await pass(600_000);
    assert.equal(budget.limits.lengthMs, 16_000);
    assert.equal(await cutAfter(10_000), true);
    assert.equal(budget.limits.lengthMs, 8_000);
    await pass(7 * 600_000);
    assert.deepEqual(budget.limits, { nodes: 30, lengthMs: 600_000 });
    assert.equal(said.length, 2, said.join('\n'));
  });

  test('calls back when the limits may have changed', async () => {
    const { clock, budget } = setUp();
    let calls = 0;
    const following = budget.follow(() => {
      calls += 1;
    });
    await clock.advance(1_000);
    budget.refused('429', clock.now(), 30);
    assert.equal(calls, 1);
    following[Symbol.dispose]();
    await clock.advance(1_000);
    budget.refused('429', clock.now(), 30);
    assert.equal(calls, 1);
  });
});
