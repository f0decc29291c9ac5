import { after, before } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { HttpTransport } from '../../src/lib/http-transport.ts';
import type { Transport } from '../../src/lib/transport.ts';
import { observedAclContract, observedContract } from '../contract/observed-contract.ts';
import type { ConsulWorld } from '../support/consul-operator.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';

const opened: { consul: Consul; transport: Transport }[] = [];

async function open(acl: boolean): Promise<ConsulWorld> {
  const consul = await startConsul({ acl });
  const transport = new HttpTransport({ origin: consul.url });
  opened.push({ consul, transport });
  return { transport, clock: systemClock, managementToken: consul.managementToken };
}

let plain: ConsulWorld;
let guarded: ConsulWorld;

before(async () => {
  plain = await open(false);
  guarded = await open(true);
});

after(async () => {
  for (const { consul, transport } of opened) {
    await transport.close();
    await consul.stop();
  }
});

observedContract('a real Consul', () => plain, { runs: 20 });
observedAclContract('a real Consul', () => guarded);
