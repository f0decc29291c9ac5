import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConsulOperator } from '../../../test/support/consul-operator.ts';
import { entry, instance, readiness } from '../../../test/support/entries.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RefusalListener } from '../../consul/refusal-listener.ts';
import { entryNoun } from '../../model/entry-ref.ts';
import { consulNodeName } from '../../model/keys.ts';
import type { NodeEntry } from '../../model/node-entry.ts';
import type { ConsulStats } from '../../sandbox/consul/consul-server.ts';
import { ConsulServer } from '../../sandbox/consul/consul-server.ts';
import { ObservedWatcher } from './observed-watcher.ts';
import { WaitBudget } from './wait-budget.ts';

const wanted = entry([instance('i1'), instance('i2')]);

/** `nodeWatches` 0: everything is swept. */
async function setUp({ nodeWatches = 30, of = wanted as NodeEntry | 'nothing' } = {}) {
  const clock = new VirtualClock();
  const random = () => 0.5;
  const server = new ConsulServer({ clock, random });
  const found: string[] = [];
  const told: string[] = [];
  const wakes: boolean[] = [];
  const budget = new WaitBudget({
    clock,
    nodes: nodeWatches,
    onReduced: (why) => told.push(`reduced: ${why}`),
    onRestored: () => told.push('restored'),
  });
  const transport = new RefusalListener({
    transport: server.transport(),
    clock,
    onRefused: (askedAt) => budget.refused('429', askedAt, watcher.watched),
  });
  const operator = new ConsulOperator({ transport, clock, managementToken: '' });
  const abort = new AbortController();
  await operator.observed.readAll(abort.signal);
  await operator.reconcile(of === 'nothing' ? undefined : of);
  const watcher = new ObservedWatcher({
    client: operator.client,
    observed: operator.observed,
    clock,
    random,
    budget,
    onDrift: (drift) => {
      for (const { at, what, fields } of drift) {
        found.push([entryNoun(at), what, ...fields.map(({ field }) => field)].join(' '));
      }
    },
    onAppeared: (name) => told.push(`appeared ${name === operator.node ? 'our node' : name}`),
    onWake: (ledToReading) => wakes.push(ledToReading),
    onInterrupted: ({ code }) => told.push(`interrupted ${code}`),
    onResumed: () => told.push('resumed'),
  });
  const watching = watcher.run(abort.signal);
  await clock.advance(20_000);
  const stop = async () => {
    abort.abort();
    await watching;
    assert.equal(clock.pending, 0, 'no timer is left');
    assert.equal(server.stats.blocked, 0, 'no query is left');
  };
  return { clock, server, operator, found, told, wakes, watcher, stop };
}

const sum = ({ requests }: ConsulStats) => [...requests.values()].reduce((all, count) => all + count, 0);

type SetUp = Awaited<ReturnType<typeof setUp>>;
interface Outsiders {
  readonly does: string;
  readonly act: (given: Pick<SetUp, 'server' | 'operator'>) => void;
  readonly found: readonly string[];
}

const outsiders: readonly Outsiders[] = [
  {
    does: 'removes an instance',
    act: ({ server, operator }) => server.outsider.removeService(operator.node, 'i1'),
    found: ['instance missing'],
  },
  {
    does: 'edits tags, address, port, weights and meta',
    act: ({ server, operator }) =>
      server.outsider.putService(operator.node, {
        ID: 'i1',
        Tags: ['x'],
        Address: '10.6.6.6',
        Port: 1,
        Weights: { Passing: 9, Warning: 9 },
        Meta: { ...instance('i1').meta, team: 'theirs' },
      }),
    found: ['instance changed address meta team port tags weights'],
  },
  {
    does: 'flips a check',
    act: ({ server, operator }) =>
      server.outsider.putCheck({ Node: operator.node, CheckID: 'i1:readiness', Status: 'critical' }),
    found: ['check changed status'],
  },
  {
    does: 'removes a check',
    act: ({ server, operator }) => server.outsider.removeCheck(operator.node, 'i1:readiness'),
    found: ['check missing'],
  },
  {
    does: 'deletes a node',
    act: ({ server, operator }) => server.outsider.removeNode(operator.node),
    found: ['node missing'],
  },
  {
    does: "edits a node's address",
    act: ({ server, operator }) => server.outsider.putNode({ Node: operator.node, Address: '10.6.6.6' }),
    found: ['node changed address'],
  },
  {
    does: "wipes a node's stamp",
    act: ({ server, operator }) => server.outsider.putNode({ Node: operator.node, Meta: {} }),
    found: ['node changed meta kube-cluster-uid meta kube-node meta managed-by'],
  },
  {
    does: 'puts a service on a node of ours',
    act: ({ server, operator }) => server.outsider.putService(operator.node, { ID: 'db-1', Port: 5432 }),
    found: ['instance unexpected'],
  },
];

describe('ObservedWatcher', () => {
  for (const { does, act, found } of outsiders) {
    test(`finds at once that somebody ${does}`, async () => {
      const given = await setUp();
      act(given);
      await given.clock.settle();
      await given.clock.advance(50);
      assert.deepEqual(given.found, found);
      await given.stop();
    });

    test(`finds within 5 s on a swept node that somebody ${does}`, async () => {
      const given = await setUp({ nodeWatches: 0 });
      assert.equal(given.watcher.watched, 0);
      act(given);
      await given.clock.advance(5_000);
      assert.deepEqual(given.found, found);
      await given.stop();
    });
  }

  test('asks next to nothing while nothing happens', async () => {
    const { clock, server, found, stop } = await setUp();
    const before = sum(server.stats);
    await clock.advance(3_600_000);
    assert.ok(sum(server.stats) - before < 30, `${sum(server.stats) - before} requests in an hour`);
    assert.deepEqual(found, []);
    await stop();
  });

  test('finds no drift in our own writes, and reads a busy node at most every two seconds', async () => {
    const { clock, server, operator, found, stop } = await setUp();
    const before = server.stats.requests.get('GET /v1/health/node/') ?? 0;
    for (let turn = 0; turn < 100; turn += 1) {
      await operator.reconcile(entry([instance('i1', { port: 1_000 + turn }), instance('i2')]));
      await clock.advance(100);
    }
    const doorbells = 2;
    assert.ok((server.stats.requests.get('GET /v1/health/node/') ?? 0) - before <= 8 * doorbells);
    assert.deepEqual(found, []);
    await stop();
  });

  test('finds what somebody else changes between our own writes', async () => {
    const { clock, server, operator, found, stop } = await setUp();
    for (let turn = 0; turn < 40; turn += 1) {
      if (turn === 5) server.outsider.putService(operator.node, { ID: 'i2', Port: 6_666 });
      await operator.reconcile(entry([instance('i1', { port: 1_000 + turn }), instance('i2')]));
      await clock.advance(100);
    }
    assert.deepEqual(found, ['instance changed port']);
    await stop();
  });

  test('watches a node we create, and ends the watch of one we remove', async () => {
    const { clock, server, operator, found, watcher, stop } = await setUp({ of: 'nothing' });
    assert.equal(watcher.watched, 0);
    await operator.reconcile(wanted);
    await clock.advance(5_000);
    assert.equal(watcher.watched, 1);
    server.outsider.removeService(operator.node, 'i1');
    await clock.advance(1_500);
    assert.deepEqual(found, ['instance missing']);
    await operator.reconcile(undefined);
    await clock.advance(10_000);
    assert.equal(watcher.watched, 0);
    assert.equal(found.length, 1);
    await stop();
  });

  test('takes in a node with our stamp that it did not know', async () => {
    const { clock, server, operator, told, stop } = await setUp();
    const Meta = { 'managed-by': 'kube-registrar', 'kube-cluster-uid': operator.owner };
    server.outsider.putNode({ Node: 'left-behind', Address: '10.0.0.9', Meta });
    await clock.advance(2_000);
    assert.deepEqual(told, ['appeared left-behind']);
    assert.equal(operator.observed.isOwned(consulNodeName('left-behind')), true);
    await stop();
  });

  test('finds what a restored snapshot took away, and goes on watching behind its old index', async () => {
    const { clock, server, operator, found, stop } = await setUp({ of: entry([instance('i1')]) });
    const old = server.snapshot();
    await operator.reconcile(wanted);
    server.outsider.putNode({ Node: 'other' });
    for (let port = 1; port < 50; port += 1) server.outsider.putService('other', { ID: 'x', Port: port });
    await clock.advance(5_000);
    server.restore(old);
    await clock.advance(1_000);
    assert.deepEqual(found, ['instance missing']);
    await operator.reconcile(wanted);
    await clock.advance(5_000);
    server.outsider.removeService(operator.node, 'i2');
    await clock.advance(100);
    assert.deepEqual(found, ['instance missing', 'instance missing']);
    await stop();
  });

  test('is not woken again and again by the checks of others', async () => {
    const { clock, server, operator, stop } = await setUp();
    server.outsider.putNode({ Node: 'other' });
    server.outsider.putCheck({ Node: operator.node, CheckID: 'i1:readiness', Status: 'critical' });
    await clock.advance(5_000);
    const before = sum(server.stats);
    for (let turn = 0; turn < 200; turn += 1) {
      server.outsider.putCheck({ Node: 'other', CheckID: 'ttl', Output: `${turn}` });
      await clock.advance(100);
    }
    assert.ok(sum(server.stats) - before < 10, `${sum(server.stats) - before} requests`);
    await stop();
  });

  test('does not believe a catalog it may not see, says so once, and goes on when it may', async () => {
    const { clock, server, found, told, stop } = await setUp();
    const headers = { 'x-consul-index': '900', 'x-consul-knownleader': 'true' };
    server.intercept = ({ path }) => {
      if (path === '/v1/txn') return { kind: 'answer', status: 200, headers, body: '{"Results":[]}' };
      const body = path.includes('node-services') ? '{"Node":null,"Services":null}' : '[]';
      return { kind: 'answer', status: 200, headers, body };
    };
    server.wipe();
    await clock.advance(60_000);
    assert.deepEqual(found, []);
    assert.deepEqual(told, ['interrupted forbidden']);
    server.intercept = undefined;
    await clock.advance(30_000);
    assert.deepEqual(told, ['interrupted forbidden', 'resumed']);
    assert.deepEqual(found, ['node missing'], 'now it is to be believed');
    await stop();
  });

  test('survives an outage, and finds what happened during it', async () => {
    const { clock, server, operator, found, told, stop } = await setUp();
    server.intercept = () => ({ kind: 'reset' });
    server.restore(server.snapshot());
    await clock.advance(60_000);
    server.outsider.removeService(operator.node, 'i1');
    const retries = sum(server.stats);
    server.intercept = undefined;
    await clock.advance(15_000);
    assert.deepEqual(told, ['interrupted unreachable', 'resumed']);
    assert.deepEqual(found, ['instance missing']);
    assert.ok(sum(server.stats) - retries < 20);
    await stop();
  });

  test('gives watches to as many nodes as it has, and sweeps the others', async () => {
    const { clock, server, operator, watcher, told, stop } = await setUp({ nodeWatches: 2 });
    const Meta = { 'managed-by': 'kube-registrar', 'kube-cluster-uid': operator.owner };
    for (let n = 0; n < 5; n += 1) server.outsider.putNode({ Node: `n${n}`, Address: '10.0.0.9', Meta });
    await clock.advance(10_000);
    assert.equal(watcher.watched, 2);
    assert.equal(told.length, 5);
    assert.equal([...operator.observed.nodes()].length, 6);
    await stop();
  });

  test('gives up waits when Consul takes no more connections, sweeps instead, and takes them back', async () => {
    const { clock, server, operator, watcher, found, told, stop } = await setUp();
    const Meta = { 'managed-by': 'kube-registrar', 'kube-cluster-uid': operator.owner };
    server.connections.most = 12;
    for (let n = 0; n < 20; n += 1) server.outsider.putNode({ Node: `n${n}`, Address: '10.0.0.9', Meta });
    await clock.advance(60_000);
    const { watched } = watcher;
    assert.ok(watched >= 2 && watched <= 8, `${watched} nodes are waited for`);
    assert.ok(server.connections.open('127.0.0.1') <= 12);
    server.outsider.putCheck({ Node: operator.node, CheckID: 'i1:readiness', Status: 'critical' });
    await clock.advance(5_000);
    assert.deepEqual(found, ['check changed status']);
    const lines = () => told.filter((line) => !line.startsWith('appeared'));
    assert.equal(lines().filter((line) => line.startsWith('reduced')).length, 1, lines().join());
    server.connections.most = 200;
    await clock.advance(1_000_000);
    assert.equal(watcher.watched, 21);
    assert.equal(lines().at(-1), 'restored');
    await stop();
  });

  for (const cutMs of [10_000, 30_000, 60_000]) {
    test(`waits shorter than what something between cuts after ${cutMs / 1_000} s`, async () => {
      const { clock, server, operator, found, told, stop } = await setUp();
      const Meta = { 'managed-by': 'kube-registrar', 'kube-cluster-uid': operator.owner };
      for (let n = 0; n < 20; n += 1) server.outsider.putNode({ Node: `n${n}`, Address: '10.0.0.9', Meta });
      server.intercept = () => ({ kind: 'cut', ms: cutMs });
      await clock.advance(700_000);
      const lines = () => told.filter((line) => !line.startsWith('appeared'));
      assert.deepEqual(lines(), [
        `reduced: waits at Consul are cut after ${cutMs / 1_000} s by something between`,
      ]);
      const before = sum(server.stats);
      await clock.advance(300_000);
      const perMinute = (sum(server.stats) - before) / 5;
      assert.ok(perMinute < 60, `${perMinute} requests a minute`);
      server.outsider.putCheck({ Node: operator.node, CheckID: 'i1:readiness', Status: 'critical' });
      await clock.advance(5_000);
      assert.deepEqual(found, ['check changed status']);
      server.intercept = undefined;
      await clock.advance(8_000_000);
      assert.deepEqual(lines().slice(1), ['restored']);
      await stop();
    });
  }

  test('an echo of our own write on a node at rest is not followed by a reading', async () => {
    const { clock, server, operator, found, wakes, stop } = await setUp();
    const reads = () =>
      (server.stats.requests.get('GET /v1/catalog/node-services/') ?? 0) +
      (server.stats.requests.get('GET /v1/health/node/') ?? 0);
    const before = reads();
    wakes.length = 0;
    const critical = [readiness('i1', 'critical'), readiness('i1', 'passing')] as const;
    for (let turn = 0; turn < 10; turn += 1) {
      await operator.reconcile(
        entry([instance('i1', { checks: [critical[turn % 2]!] }), instance('i2', { port: 1_000 + turn })]),
      );
      await clock.advance(10_000);
    }
    // One wait for the node's checks ends at each write and is set again.
    assert.ok(reads() - before <= 12, `${reads() - before} requests`);
    assert.ok(wakes.length >= 10 && !wakes.includes(true), `${wakes}`);
    server.outsider.putService(operator.node, { ID: 'i2', Port: 6_666 });
    await clock.advance(1_000);
    assert.deepEqual(found, ['instance changed port']);
    assert.ok(wakes.includes(true));
    await stop();
  });
});
