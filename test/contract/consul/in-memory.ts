import { request } from 'undici';
import { systemClock } from '../../../src/lib/clock.ts';
import { HttpTransport } from '../../../src/lib/http-transport.ts';
import { ConsulListener } from '../../../src/sandbox/consul/consul-listener.ts';
import { ConsulServer } from '../../../src/sandbox/consul/consul-server.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import type { ClientAgentUnderTest, ConsulUnderTest } from './subject.ts';

export interface StartOptions {
  /** ACLs on, deny by default. Default off. */
  readonly acl?: boolean;
}

const managementToken = 'b1gs33cr3t-0000-0000-0000-000000000000';

const settingsOf = ({ acl = false }: StartOptions) => ({
  ...(acl ? { acl: { managementToken } } : {}),
});

/** In process and in virtual time. */
export async function inProcess(options: StartOptions = {}): Promise<ConsulUnderTest> {
  const clock = new VirtualClock();
  const server = new ConsulServer({ clock, random: seeded(), ...settingsOf(options) });
  const transport = server.transport();
  return {
    transport,
    client: clientOf(server),
    managementToken: options.acl ? managementToken : '',
    nodeName: 'consul',
    settle: () => clock.settle(),
    async restore(snapshot) {
      server.restore(snapshot);
    },
    async drive(pending) {
      let settled = false;
      const done = () => {
        settled = true;
      };
      pending.then(done, done);
      await clock.advanceUntil(() => settled, 120_000);
      return pending;
    },
    async [Symbol.asyncDispose]() {
      await transport.close();
      server[Symbol.dispose]();
    },
  };
}

/** Over a socket and in real time, as curl would reach it. */
export async function overHttp(options: StartOptions = {}): Promise<ConsulUnderTest> {
  const server = new ConsulServer({ clock: systemClock, ...settingsOf(options) });
  const listener = await ConsulListener.start(server);
  return {
    ...realTime(listener.origin),
    managementToken: options.acl ? managementToken : '',
    nodeName: 'consul',
    client: clientOf(server),
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]();
      server[Symbol.dispose]();
    },
  };
}

function clientOf(server: ConsulServer): ClientAgentUnderTest {
  const agent = server.addAgent('client-0', '127.0.0.2');
  return {
    transport: agent.transport(),
    nodeName: 'client-0',
    stop: async () => agent.stop(),
    start: async (options) => agent.start(options),
  };
}

/** What is common to servers behind a socket. */
export function realTime(
  origin: string,
): Omit<ConsulUnderTest, 'managementToken' | 'nodeName' | typeof Symbol.asyncDispose> {
  return {
    transport: new HttpTransport({ origin, connections: 64 }),
    // A request that was sent reaches a server on loopback well within this time.
    settle: () => systemClock.sleep(100, new AbortController().signal),
    drive: (pending) => pending,
    async restore(snapshot) {
      const response = await request(`${origin}/v1/snapshot`, { method: 'PUT', body: snapshot });
      await response.body.dump();
      if (response.statusCode !== 200) throw new Error(`restoring a snapshot: ${response.statusCode}`);
    },
  };
}

/** The same ids in every run. */
function seeded(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
