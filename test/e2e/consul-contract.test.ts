import { realTime } from '../contract/consul/in-memory.ts';
import { consulContract } from '../contract/consul-contract.ts';
import { startConsul } from '../support/real/consul.ts';

consulContract('real Consul', async (options) => {
  const consul = await startConsul({ acl: options.acl ?? false });
  return {
    ...realTime(consul.url),
    managementToken: consul.managementToken,
    nodeName: consul.servers[0]!.name,
    [Symbol.asyncDispose]: () => consul.stop(),
  };
});
