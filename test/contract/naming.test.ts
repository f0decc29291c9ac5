import assert from 'node:assert/strict';
import { MemoryNaming, MemoryRegistry } from '../../src/naming/naming.ts';
import { ConsulServer } from '../../src/sandbox/consul/consul-server.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { consulWorld } from './naming/consul-world.ts';
import { namingContract } from './naming/naming-contract.ts';

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

namingContract('in memory', async () => {
  const registry = new MemoryRegistry();
  const opened = new AsyncDisposableStack();
  return {
    naming: (report) => opened.use(new MemoryNaming({ registry, ...(report ? { report } : {}) })),
    setState: async (id, state) => registry.setState(id, state),
    async eventually(attempt) {
      await settle();
      await attempt();
    },
    settle,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
});

namingContract('the in-memory Consul', async () => {
  const clock = new VirtualClock();
  const consul = new ConsulServer({ clock, random: () => 0.5 });
  const world = consulWorld(
    () => consul.transport(),
    { clock, random: () => 0.5 },
    {
      async eventually(attempt) {
        // Up to two minutes: the agent's anti-entropy may be what brings it about.
        for (let stepMs = 20; ; stepMs *= 1.2) {
          await clock.advance(stepMs);
          try {
            await attempt();
            return;
          } catch (thrown) {
            if (stepMs > 20_000) throw thrown;
          }
        }
      },
      settle: () => clock.advance(1_000),
    },
  );
  return {
    ...world,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      consul[Symbol.dispose]();
      assert.equal(clock.pending, 0, 'timers left behind');
    },
  };
});
