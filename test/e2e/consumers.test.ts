/** Consumers of what the operator registers: the Naming library and `discover`, on real servers. */
import { after, before } from 'node:test';
import { ConsulNaming } from '../../src/naming/naming.ts';
import { podsContract } from '../contract/naming/pods-contract.ts';
import { eventually } from '../support/eventually.ts';
import { patience, type Stage, startStage } from '../support/real/stage.ts';
import type { Namespace } from '../support/real/workloads.ts';

let stage: Stage;
let shop: Namespace;

before(async () => {
  stage = await startStage();
  shop = await stage.namespace('shop');
});

after(() => stage?.[Symbol.asyncDispose]());

podsContract('a real API server and Consul', async () => {
  const opened = new AsyncDisposableStack();
  return {
    naming: () => opened.use(new ConsulNaming({ addresses: [stage.consul.url] })),
    addPod: (name, annotations) => shop.addPod(name, { port: 'http', ...annotations }),
    async setReady(name, ready) {
      if (ready) stage.kubelet.setReady('shop', name);
      else stage.kubelet.setUnready('shop', name);
    },
    deletePod: (name) => shop.deletePod(name),
    eventually: async (attempt) => void (await eventually(attempt, patience)),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
});
