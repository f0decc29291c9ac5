import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { silentLogger } from '../../logging/logger.ts';
import { clusterUid, consulNodeName } from '../../model/keys.ts';
import { agentFeatures } from '../../plan/registry-features.ts';
import type { NodeReading } from '../node-reader.ts';
import { ObservedState } from '../observed-state.ts';
import { AgentWatcher } from './agent-watcher.ts';
import { Agents } from './agents.ts';

test('notify() during a reading leads to another one: the first may have missed what changed', async () => {
  const clock = new VirtualClock();
  const node = consulNodeName('cluster-a');
  const readings: ((reading: NodeReading) => void)[] = [];
  const observed = new ObservedState({
    owner: clusterUid('uid'),
    reader: {
      features: agentFeatures,
      list: async () => [node],
      read: () => new Promise((resolve) => readings.push(resolve)),
      absent: async () => [],
      confirmAbsence: async () => {},
    },
  });
  await using agents = new Agents({
    api: { clock },
    connect: () => assert.fail('there is no instance to hold a blocking query on'),
    scheme: 'http',
    port: 8500,
    addressOf: () => undefined,
  });
  const watcher = new AgentWatcher({
    agents,
    observed,
    clock,
    random: () => 0.5,
    logger: silentLogger,
    intervalMs: 3_600_000,
    onDrift: () => {},
    onAnswers: () => {},
    isWanted: () => true,
    onForgotten: () => {},
  });
  const stop = new AbortController();
  watcher.follow(node);
  const running = watcher.run(stop.signal);
  await clock.settle();
  assert.equal(readings.length, 1);

  watcher.notify(node);
  readings[0]?.({ node: undefined, index: undefined });
  await clock.advance(1_000);
  assert.equal(readings.length, 2);

  stop.abort();
  readings[1]?.({ node: undefined, index: undefined });
  await running;
  assert.equal(clock.pending, 0);
});
