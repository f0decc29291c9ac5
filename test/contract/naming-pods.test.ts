import assert from 'node:assert/strict';
import { ConsulNaming } from '../../src/naming/naming.ts';
import { SmallCluster } from '../support/small-cluster.ts';
import { podsContract } from './naming/pods-contract.ts';

podsContract('in memory', async () => {
  const cluster = new SmallCluster();
  const { clock } = cluster;
  const operator = cluster.start();
  const opened = new AsyncDisposableStack();
  const asked = new Map<string, Readonly<Record<string, string>>>();
  return {
    naming: () =>
      opened.use(new ConsulNaming({ transport: () => cluster.consul.transport(), clock, random: () => 0.5 })),
    async addPod(name, annotations) {
      asked.set(name, annotations);
      cluster.putPod(name, annotations);
    },
    async setReady(name, ready) {
      cluster.putPod(name, asked.get(name) ?? {}, { ready });
    },
    async deletePod(name) {
      cluster.kube.store.delete('pods', 'default', name);
    },
    async eventually(attempt) {
      for (let turn = 0; ; turn += 1) {
        await clock.advance(100);
        try {
          await attempt();
          return;
        } catch (thrown) {
          if (turn === 900) throw thrown;
        }
      }
    },
    async [Symbol.asyncDispose]() {
      await opened.disposeAsync();
      await operator.stop();
      assert.equal(clock.pending, 0, 'timers left behind');
    },
  };
});
