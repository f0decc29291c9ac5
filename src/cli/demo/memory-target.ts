import { ConsulApi } from '../../consul/consul-api.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { ConsulListener } from '../../sandbox/consul/consul-listener.ts';
import { ConsulServer } from '../../sandbox/consul/consul-server.ts';
import type { ConsulTarget } from './consul-target.ts';
import { demoConfig } from './demo-config.ts';

export interface MemoryTargetOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Put it on a port of 127.0.0.1 at once, so that the operator can name its address. Default false. */
  readonly listen?: boolean;
}

/** The in-memory Consul, in this process. */
export async function memoryTarget(options: MemoryTargetOptions): Promise<ConsulTarget> {
  const { clock, random, listen = false } = options;
  const server = new ConsulServer({ clock, random });
  let listener = listen ? ConsulListener.start(server) : undefined;
  return {
    label: 'in memory',
    notice: 'Consul is in memory; nothing outside this process is touched.',
    loaded: await demoConfig('demo', (await listener)?.origin, {}),
    prefix: '',
    operator: server.transport(),
    connect: () => new ConsulApi({ transport: server.transport(), clock }),
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
