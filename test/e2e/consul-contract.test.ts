import { HttpTransport } from '../../src/lib/http-transport.ts';
import { realTime } from '../contract/consul/in-memory.ts';
import { consulContract } from '../contract/consul-contract.ts';
import { startConsul } from '../support/real/consul.ts';

consulContract('real Consul', async (options) => {
  const consul = await startConsul({ acl: options.acl ?? false, clientHosts: ['127.0.0.2'] });
  const client = consul.clients[0]!;
  const transport = new HttpTransport({ origin: client.url });
  return {
    ...realTime(consul.url),
    managementToken: consul.managementToken,
    nodeName: consul.servers[0]!.name,
    client: {
      transport,
      nodeName: client.name,
      stop: () => client.kill(),
      start: async ({ empty = false } = {}) => {
        if (empty) await client.wipe();
        await client.start();
      },
    },
    async [Symbol.asyncDispose]() {
      await transport.close();
      await consul.stop();
    },
  };
});
