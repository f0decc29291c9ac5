import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { ConsulListener } from '../../sandbox/consul/consul-listener.ts';
import { ConsulServer } from '../../sandbox/consul/consul-server.ts';
import type { ConsulTarget } from './consul-target.ts';
import { sandboxConfig } from './sandbox-config.ts';

/** The in-memory Consul, in this process. */
export async function memoryTarget(clock: Clock, random: Random): Promise<ConsulTarget> {
  const server = new ConsulServer({ clock, random });
  let listener: Promise<ConsulListener> | undefined;
  return {
    label: 'in memory',
    loaded: await sandboxConfig('sandbox', undefined, {}),
    prefix: '',
    operator: server.transport(),
    connect: () => server.transport(),
    async origin() {
      listener ??= ConsulListener.start(server);
      return (await listener).origin;
    },
    async cleanUp() {},
    async [Symbol.asyncDispose]() {
      await (await listener)?.[Symbol.asyncDispose]();
      server[Symbol.dispose]();
    },
  };
}
