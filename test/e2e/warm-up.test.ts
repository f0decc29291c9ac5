/** Warm-up on real servers: what consumers see of it, and what it costs Consul. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type HealthEntry, raftLog, states, writesBetween } from '../support/real/consul-reads.ts';
import { type Stage, startStage } from '../support/real/stage.ts';

const replicas = 12;
const steps = 5;

let stage: Stage;

before(async () => {
  stage = await startStage();
});

after(() => stage?.[Symbol.asyncDispose]());

const stateOf = ({ Service }: HealthEntry): string =>
  `${Service.Weights.Passing} ${Service.Meta['service_state']}`;

test('the weight of new instances grows in steps until they are adult, together and in few writes', async (t) => {
  const ns = await stage.namespace('warm');
  const before = await raftLog(stage.consul);
  const annotations = { service: 'warm', port: 'http', weight: '50', warmup: '15s' };
  await ns.deploy({ name: 'warm', replicas, annotations });
  const seen = new Map<string, string[]>();
  const following = new AbortController();
  for await (const entries of states(stage.consul, 'warm', following.signal)) {
    for (const entry of entries) {
      const known = seen.get(entry.Service.ID) ?? [];
      if (known.at(-1) !== stateOf(entry)) seen.set(entry.Service.ID, [...known, stateOf(entry)]);
    }
    if (entries.length === replicas && entries.every((entry) => stateOf(entry) === '50 adult')) break;
  }
  following.abort();
  assert.equal(seen.size, replicas);
  const grown = ['1 young', '10 young', '20 young', '30 young', '40 young', '50 adult'];
  for (const [id, told] of seen) {
    // Two steps may be one reading; none goes back, and none is left out at the ends.
    assert.deepEqual(
      told,
      grown.filter((state) => told.includes(state)),
      id,
    );
    assert.equal(told.at(-1), '50 adult');
    assert.ok(told.length > 2, told.join());
  }
  const { transactions } = writesBetween(before, await raftLog(stage.consul));
  t.diagnostic(`${transactions} transactions for ${replicas} instances on three nodes`);
  assert.ok(transactions < replicas * steps, `${transactions} transactions`);
});
