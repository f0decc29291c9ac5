import { after, before } from 'node:test';
import { HttpTransport } from '../../src/lib/http-transport.ts';
import { consulWorld } from '../contract/naming/consul-world.ts';
import { namingContract } from '../contract/naming/naming-contract.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';

let consul: Consul;

before(async () => {
  consul = await startConsul({ clientAgents: 1 });
});

after(() => consul.stop());

namingContract('a real Consul server', async () =>
  consulWorld(() => new HttpTransport({ origin: consul.url })),
);

namingContract('a real Consul client agent', async () =>
  consulWorld(() => new HttpTransport({ origin: consul.clients[0]!.url })),
);
