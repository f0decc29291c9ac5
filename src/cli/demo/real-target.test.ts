import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { ConsulListener } from '../../sandbox/consul/consul-listener.ts';
import { ConsulServer } from '../../sandbox/consul/consul-server.ts';
import { realTarget } from './real-target.ts';

const { signal } = new AbortController();
const random = () => 0.5;

/** A Consul behind a socket, as somebody else runs it. */
async function startConsul(options: Partial<ConstructorParameters<typeof ConsulServer>[0]> = {}) {
  const server = new ConsulServer({ clock: systemClock, ...options });
  const listener = await ConsulListener.start(server);
  return {
    server,
    origin: listener.origin,
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]();
      server[Symbol.dispose]();
    },
  };
}

describe('realTarget()', () => {
  test('takes its address and token from Consul’s own variables, and names of its own', async () => {
    await using consul = await startConsul();
    let token = '';
    consul.server.intercept = ({ headers }) => {
      token = headers['x-consul-token'] ?? '';
      return undefined;
    };
    const environment = { CONSUL_HTTP_ADDR: consul.origin, CONSUL_HTTP_TOKEN: 'hush', CONSUL_PARTITION: '' };
    await using target = await realTarget(
      { address: undefined, environment, clock: systemClock, random },
      signal,
    );
    assert.equal(token, 'hush');
    assert.equal(target.label, consul.origin);
    assert.equal(target.loaded.config.cluster.name, 'demo-8000');
    assert.equal(target.prefix, 'demo-');
  });

  test('keeps the query of a request when it adds what every request needs', async () => {
    await using consul = await startConsul();
    const seen: string[] = [];
    consul.server.intercept = ({ query }) => {
      seen.push(query.toString());
      return undefined;
    };
    const environment = { CONSUL_NAMESPACE: 'team' };
    await using target = await realTarget(
      { address: consul.origin, environment, clock: systemClock, random },
      signal,
    );
    const blocking = { service: 'web', index: 1, wait: '1ms' };
    await target.connect().call(({ health }, context) => health.service({ ...context, ...blocking }), signal);
    assert.deepEqual(seen, ['ns=team', 'index=1&wait=1ms&ns=team']);
  });

  test('cleanUp() removes the nodes with the stamp of the cluster, and no other', async () => {
    await using consul = await startConsul();
    const { outsider } = consul.server;
    const stamp = (uid: string) => ({ 'managed-by': 'kube-registrar', 'kube-cluster-uid': uid });
    outsider.putNode({ Node: 'demo-8000-node-1', Address: '192.0.2.1', Meta: stamp('mine') });
    outsider.putService('demo-8000-node-1', { ID: 'web-1', Service: 'demo-web' });
    outsider.putNode({ Node: 'prod-node-1', Address: '192.0.2.2', Meta: stamp('theirs') });
    outsider.putNode({ Node: 'vm', Address: '192.0.2.3', Meta: { 'kube-cluster-uid': 'mine' } });
    await using target = await realTarget(
      { address: consul.origin, environment: {}, clock: systemClock, random },
      signal,
    );
    await target.cleanUp('mine', signal);
    assert.deepEqual(
      outsider.nodes().map(({ Node }) => Node),
      ['consul', 'prod-node-1', 'vm'],
    );
  });

  test('rejects with the address and the reason when nobody answers', async () => {
    const { origin } = await startConsul().then(async (consul) => {
      await consul[Symbol.asyncDispose]();
      return consul;
    });
    await assert.rejects(
      realTarget({ address: origin, environment: {}, clock: systemClock, random }, signal),
      {
        code: 'unreachable',
        message: new RegExp(`^Consul at ${origin} does not answer: `),
      },
    );
  });
});
