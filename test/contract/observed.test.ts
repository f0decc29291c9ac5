import { ConsulServer } from '../../src/sandbox/consul/consul-server.ts';
import type { ConsulWorld } from '../support/consul-operator.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { observedAclContract, observedContract } from './observed-contract.ts';

const managementToken = '6a1253d2-1785-24fd-91c2-f8e78c745511';

function inMemory(options: Partial<ConstructorParameters<typeof ConsulServer>[0]> = {}): () => ConsulWorld {
  return () => {
    const clock = new VirtualClock();
    const server = new ConsulServer({ clock, ...options });
    return {
      transport: server.transport(),
      clock,
      managementToken: options.acl === undefined ? '' : managementToken,
    };
  };
}

observedContract('Consul in memory', inMemory(), { runs: 50 });
observedContract('Consul in memory with the lower limit', inMemory({ maxTxnOperations: 64 }), { runs: 5 });
observedAclContract('Consul in memory', inMemory({ acl: { managementToken } }));
