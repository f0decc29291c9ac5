import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HttpTransport } from '../../src/lib/http-transport.ts';
import { consulWorld } from '../contract/naming/consul-world.ts';
import { guideExamples, runExample } from '../contract/naming/guide-examples.ts';
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

test('the first example of docs/naming.md prints what it says', async () => {
  const [example] = guideExamples('run with Consul');
  const printed = await runExample(example!, { CONSUL_HTTP_ADDR: consul.url });
  assert.match(printed, /id: 'test_1'.*\n2 instances: 1 came, 0 went, 0 changed\n2\n1\n$/s);
});
