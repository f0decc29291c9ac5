import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConsulOperator } from '../../test/support/consul-operator.ts';
import { entry, instance, readiness } from '../../test/support/entries.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { Transport } from '../lib/transport.ts';
import { entryNoun } from '../model/entry-ref.ts';
import { consulNodeName } from '../model/keys.ts';
import { catalogFeatures } from '../plan/registry-features.ts';
import { ConsulServer } from '../sandbox/consul/consul-server.ts';

const signal = new AbortController().signal;
const wanted = entry([instance('i1')]);
const flipped = entry([instance('i1', { checks: [readiness('i1', 'critical', 'probe failed')] })]);

const requests = ({ stats }: ConsulServer): number =>
  [...stats.requests.values()].reduce((sum, count) => sum + count, 0);

async function setUp() {
  const clock = new VirtualClock();
  const server = new ConsulServer({ clock });
  const operator = new ConsulOperator({ transport: server.transport(), clock, managementToken: '' });
  await operator.observed.readAll(signal);
  await operator.reconcile(wanted);
  return { clock, server, operator };
}

describe('ObservedState', () => {
  test('reads a node once, then answers from memory', async () => {
    const { server, operator } = await setUp();
    const before = requests(server);
    await operator.observed.load([operator.node], signal);
    assert.equal(operator.observed.needsReading(operator.node), false);
    assert.equal(requests(server), before);
  });

  test('finds out by one request that up to 64 names are free, and asks again only when they are needed', async () => {
    const { server, operator } = await setUp();
    const { observed } = operator;
    const free = Array.from({ length: 100 }, (_, index) => consulNodeName(`free-${index}`));
    const before = requests(server);
    await observed.load(free, signal);
    assert.equal(requests(server), before + 2);
    assert.ok(!free.some((name) => observed.needsReading(name)));
    await observed.readAll(signal);
    const readAll = requests(server);
    assert.equal(readAll, before + 2 + 3, 'the list, and the services and checks of one node');
    await operator.outsider('/v1/catalog/register', { Node: 'free-7', Address: '10.9.9.9' });
    await observed.load(free, signal);
    assert.equal(observed.node(consulNodeName('free-7'))?.address, '10.9.9.9');
    assert.equal(requests(server), readAll + 1 + 2 + 2);
  });

  test("knows another owner's node after one reading, and learns from a full one that the name is free", async () => {
    const { operator } = await setUp();
    await operator.outsider('/v1/catalog/register', { Node: 'taken', Address: '10.9.9.9' });
    const taken = consulNodeName('taken');
    await operator.observed.load([taken], signal);
    assert.equal(operator.observed.needsReading(taken), false);
    assert.equal(operator.observed.node(taken)?.address, '10.9.9.9');
    await operator.outsider('/v1/catalog/deregister', { Node: 'taken' });
    assert.deepEqual(
      await operator.observed.readAll(signal),
      [],
      'what others do to their nodes is no drift',
    );
    assert.equal(operator.observed.needsReading(taken), false);
    assert.equal(operator.observed.node(taken), undefined);
  });

  test('reads again a node whose write has an unknown outcome, and does not call the difference drift', async () => {
    const { server, operator } = await setUp();
    server.intercept = ({ path }) => (path === '/v1/txn' ? { kind: 'reset-after-apply' } : undefined);
    const [result] = await operator.reconcile(flipped);
    assert.equal(result?.outcome.kind, 'failed');
    assert.equal(operator.observed.needsReading(operator.node), true);
    server.intercept = undefined;
    assert.deepEqual(await operator.observed.readAll(signal), []);
    assert.deepEqual(operator.diff(flipped).changes, []);
  });

  test('drops a reading that one of our own writes overtook', async () => {
    const { clock, server, operator } = await setUp();
    server.intercept = ({ path }) =>
      path.startsWith('/v1/health/node/') ? { kind: 'delay', ms: 100 } : undefined;
    const reading = operator.observed.readAll(signal);
    await clock.advance(50);
    assert.deepEqual(operator.diff(flipped).changes.length, 1);
    await operator.reconcile(flipped);
    const memory = operator.observed.node(operator.node);
    await clock.advance(100);
    assert.deepEqual(await reading, []);
    assert.equal(operator.observed.node(operator.node), memory);
  });

  test('drops a reading while one of our own writes is under way', async () => {
    const { clock, server, operator } = await setUp();
    server.intercept = ({ path }) => (path === '/v1/txn' ? { kind: 'delay', ms: 100 } : undefined);
    const writing = operator.reconcile(flipped);
    await clock.settle();
    server.outsider.removeService(operator.node, 'i1');
    assert.deepEqual(await operator.observed.readAll(signal), []);
    await clock.advance(100);
    const [result] = await writing;
    assert.equal(result?.outcome.kind, 'refused');
    server.intercept = undefined;
    await operator.reconcile(flipped);
    assert.deepEqual(operator.diff(flipped).changes, []);
  });

  test('does not believe a Consul without a known leader', async () => {
    const { server, operator } = await setUp();
    const restarted = operator.restarted();
    const headers = { 'x-consul-index': '1', 'x-consul-knownleader': 'false' };
    server.intercept = () => ({ kind: 'answer', status: 200, headers, body: '[]' });
    await assert.rejects(restarted.readAll(signal), { code: 'unavailable', message: /known leader/ });
  });

  test('believes a wiped Consul, and writes everything again', async () => {
    const { server, operator } = await setUp();
    server.wipe();
    const drifts = await operator.observed.readAll(signal);
    assert.deepEqual(
      drifts.map(({ at, what }) => `${entryNoun(at)} ${what}`),
      ['node missing'],
    );
    await operator.reconcile(wanted);
    assert.equal(server.outsider.services(operator.node).length, 1);
  });

  test('finds a node of ours that came back with an old snapshot', async () => {
    const { server, operator } = await setUp();
    const old = server.snapshot();
    await operator.reconcile(undefined);
    assert.deepEqual([...operator.observed.nodes()], []);
    server.restore(old);
    await operator.observed.readAll(signal);
    assert.deepEqual(
      operator.diff(undefined).changes.map(({ kind }) => kind),
      ['delete-node'],
    );
  });

  test('writes nothing when nothing changed', async () => {
    const { server, operator } = await setUp();
    const index = server.raftIndex;
    const restarted = operator.restarted();
    await restarted.readAll(signal);
    await operator.submit(operator.diff(wanted, restarted).changes);
    await operator.observed.readAll(signal);
    await operator.reconcile(wanted);
    assert.equal(server.raftIndex, index);
  });

  test('learns what an old server drops, and then stops writing it', async () => {
    const clock = new VirtualClock();
    const server = new ConsulServer({ clock });
    const operator = new ConsulOperator({
      transport: forgetful(server.transport()),
      clock,
      managementToken: '',
    });
    const taggedAddresses = { lan_ipv4: { address: '10.0.0.1', port: 8080 } };
    const tagged = entry([instance('i1', { taggedAddresses })]);
    await operator.observed.readAll(signal);
    await operator.reconcile(tagged);
    const dropped = { checkType: false, taggedAddresses: false };
    assert.deepEqual(operator.observed.features, { ...catalogFeatures, ...dropped });
    assert.deepEqual(operator.diff(tagged).changes, []);
    const restarted = operator.restarted();
    await restarted.readAll(signal);
    assert.deepEqual(operator.diff(tagged, restarted).changes, []);
    const { features } = restarted;
    await restarted.readAll(signal);
    assert.equal(restarted.features, features, 'the same object while nothing new shows');
  });
});

/** As servers before 2025: a transaction drops a service's TaggedAddresses and a check's Type. */
function forgetful(transport: Transport): Transport {
  return {
    request: ({ body, ...request }) =>
      transport.request({
        ...request,
        ...(body === undefined
          ? {}
          : {
              body: JSON.stringify(JSON.parse(body), (key, value: unknown) =>
                key === 'TaggedAddresses' || key === 'Type' ? undefined : value,
              ),
            }),
      }),
    close: () => transport.close(),
  };
}
