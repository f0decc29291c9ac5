import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { readText, type Transport } from '../../../src/lib/transport.ts';
import { ConsulNaming, type ConsulNamingOptions } from '../../../src/naming/naming.ts';
import { eventually as eventuallyReal } from '../../support/eventually.ts';
import type { NamingWorld } from './naming-contract.ts';

/** How a world waits. */
type Waiting = Pick<NamingWorld, 'eventually' | 'settle'>;

const realTime: Waiting = {
  eventually: async (attempt) => void (await eventuallyReal(attempt, { intervalMs: 20 })),
  // Long enough for a change to travel through the agent, the server and a blocking query.
  settle: () => delay(300),
};

/** A world over a Consul agent that is otherwise unused; leaves nothing registered behind. */
export function consulWorld(
  connect: () => Transport,
  options: Omit<ConsulNamingOptions, 'transport'> = {},
  { eventually, settle }: Waiting = realTime,
): NamingWorld {
  const opened = new AsyncDisposableStack();
  const admin = connect();

  const call = async <T>(method: 'GET' | 'PUT', path: string, body?: unknown): Promise<T | undefined> => {
    const response = await admin.request({
      method,
      path,
      signal: AbortSignal.timeout(10_000),
      ...(typeof options.token === 'string' ? { headers: { 'x-consul-token': options.token } } : {}),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await readText(response);
    assert.equal(response.status, 200, `${method} ${path}: ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as T);
  };

  opened.defer(async () => {
    const services = (await call<Record<string, { Service: string }>>('GET', '/v1/agent/services')) ?? {};
    for (const id of Object.keys(services)) {
      await call('PUT', `/v1/agent/service/deregister/${encodeURIComponent(id)}`);
    }
    for (const name of new Set(Object.values(services).map(({ Service }) => Service))) {
      await eventually(async () => {
        assert.deepEqual(await call('GET', `/v1/health/service/${encodeURIComponent(name)}`), []);
      });
    }
    await admin.close();
  });

  return {
    naming: (report) =>
      opened.use(new ConsulNaming({ ...options, transport: connect, ...(report ? { report } : {}) })),
    async setState(id, state) {
      if (state === 'maintenance') {
        await call('PUT', `/v1/agent/service/maintenance/${encodeURIComponent(id)}?enable=true&reason=test`);
      } else {
        // Registering a check that exists keeps its status.
        const check = { ID: `state:${id}`, Name: 'state', ServiceID: id, TTL: '1h', Status: state };
        await call('PUT', '/v1/agent/check/register', check);
        await call('PUT', `/v1/agent/check/update/${encodeURIComponent(check.ID)}`, { Status: state });
      }
    },
    eventually,
    settle,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
