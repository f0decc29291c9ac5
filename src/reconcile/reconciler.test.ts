import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { desired, entry, instance, nodeName, owner, readiness } from '../../test/support/entries.ts';
import { type LogLine, recorder } from '../../test/support/log-recorder.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { ConsulClient } from '../consul/client.ts';
import { noopMetrics } from '../metrics/catalogue.ts';
import type { Instance } from '../model/instance.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import type { PolicyName } from '../plan/policy.ts';
import { catalogReader } from '../registry/catalog/catalog-reader.ts';
import { Writer } from '../registry/catalog/writer.ts';
import { ObservedState } from '../registry/observed-state.ts';
import { ConsulServer } from '../sandbox/consul/consul-server.ts';
import { Reconciler } from './reconciler.ts';

/** A reconciler in virtual time on an in-memory Consul, with `wanted` as the instances of one node. */
async function setup(t: { after(fn: () => Promise<void>): void }, policy: PolicyName = 'sync') {
  const clock = new VirtualClock();
  const random = () => 0.5;
  const consul = new ConsulServer({ clock, random });
  const client = new ConsulClient({ transport: consul.transport(), clock });
  const observed = new ObservedState({ reader: catalogReader(client), owner });
  const log: LogLine[] = [];
  const it = { clock, consul, log, wanted: [] as Instance[] };
  const reconciler = new Reconciler({
    clock,
    random,
    logger: recorder(log),
    metrics: noopMetrics,
    desired: (name: ConsulNodeName) =>
      desired(it.wanted.length === 0 ? undefined : entry(it.wanted, { name })),
    observed,
    writer: new Writer({ client, clock }),
    owner,
    policy,
  });
  const signal = new AbortController();
  await observed.readAll(signal.signal);
  const running = reconciler.run(signal.signal);
  t.after(async () => {
    signal.abort();
    await clock.advance(0);
    await running;
    reconciler[Symbol.dispose]();
    consul[Symbol.dispose]();
    assert.equal(clock.pending, 0, 'no timer is left');
  });
  const touch = async (...instances: Instance[]) => {
    it.wanted = instances;
    reconciler.touch(nodeName, clock.now());
    await clock.advance(50);
  };
  const registered = () => consul.outsider.services(nodeName).map(({ ID }) => ID);
  return Object.assign(it, { reconciler, touch, registered });
}

const reasons = (log: readonly LogLine[]) => log.map(({ fields }) => fields['reason']);

describe('Reconciler', () => {
  test('writes what is wanted, and removes what no longer is', async (t) => {
    const it = await setup(t);
    await it.touch(instance('a'), instance('b'));
    assert.deepEqual(it.registered(), ['a', 'b']);
    await it.touch(instance('b'));
    assert.deepEqual(it.registered(), ['b']);
    assert.ok(reasons(it.log).includes('Deregistered'));
  });

  test('a review of a node that is already right writes nothing', async (t) => {
    const it = await setup(t);
    await it.touch(instance('a'));
    const { transactions } = it.consul.stats;
    await it.touch(instance('a'));
    assert.equal(it.consul.stats.transactions, transactions);
  });

  test('during an outage everything stays, and afterwards the state of then is written once', async (t) => {
    const it = await setup(t);
    await it.touch(instance('a'));
    it.consul.intercept = () => ({ kind: 'answer', status: 500, body: 'No cluster leader' });
    await it.touch(instance('a'), instance('b'));
    await it.touch(instance('a', { checks: [readiness('a', 'critical', 'x')] }), instance('c'));
    await it.clock.advance(60_000);
    assert.deepEqual(it.registered(), ['a']);
    assert.equal(it.log.filter(({ fields }) => fields['reason'] === 'ConsulUnavailable').length, 1);
    assert.equal(it.reconciler.outage.error?.code, 'unavailable');

    it.consul.intercept = undefined;
    await it.clock.advance(6_000);
    assert.deepEqual(it.registered(), ['a', 'c']);
    assert.equal(
      it.consul.outsider.checks(nodeName).find(({ ServiceID }) => ServiceID === 'a')?.Status,
      'critical',
    );
    assert.equal(it.reconciler.outage.error, undefined);
    assert.ok(reasons(it.log).includes('ConsulAvailable'));
  });

  test('waits as long as Consul asks for', async (t) => {
    const it = await setup(t);
    it.consul.intercept = ({ method }) =>
      method === 'PUT'
        ? { kind: 'answer', status: 429, headers: { 'retry-after': '20' }, body: 'slow down' }
        : undefined;
    await it.touch(instance('a'));
    it.consul.intercept = undefined;
    await it.clock.advance(19_000);
    assert.deepEqual(it.registered(), []);
    await it.clock.advance(2_000);
    assert.deepEqual(it.registered(), ['a']);
  });

  test('after a write of unknown outcome reads the node again, and writes nothing twice', async (t) => {
    const it = await setup(t);
    let broken = false;
    it.consul.intercept = ({ method }) => {
      if (method !== 'PUT' || broken) return undefined;
      broken = true;
      return { kind: 'reset-after-apply' };
    };
    await it.touch(instance('a'));
    await it.clock.advance(6_000);
    assert.deepEqual(it.registered(), ['a']);
    assert.equal(it.consul.stats.transactions, 1, 'the first one had been applied');
  });

  test('a change Consul refuses waits alone with growing waits, the rest of its node goes on', async (t) => {
    const it = await setup(t);
    let refusals = 0;
    it.consul.intercept = ({ method, body }) => {
      const operations =
        method === 'PUT' ? (JSON.parse(String(body)) as { Service?: { Service: { ID: string } } }[]) : [];
      const at = operations.findIndex(({ Service }) => Service?.Service.ID === 'bad');
      if (at < 0) return undefined;
      refusals += 1;
      const Errors = [{ OpIndex: at, What: 'no such thing' }];
      return { kind: 'answer', status: 409, body: JSON.stringify({ Results: null, Errors }) };
    };
    await it.touch(instance('bad'), instance('good'));
    assert.deepEqual(it.registered(), ['good']);
    await it.touch(instance('bad'), instance('good'), instance('better'));
    assert.deepEqual(it.registered(), ['better', 'good']);
    assert.equal(refusals, 1, 'an event on its node does not try it again');
    await it.clock.advance(60_000);
    assert.ok(refusals >= 4 && refusals <= 10, `${refusals} tries in a minute`);
    assert.equal(it.log.filter(({ fields }) => fields['reason'] === 'RegistrationFailed').length, 1);
    it.consul.intercept = undefined;
    await it.clock.advance(120_000);
    assert.deepEqual(it.registered(), ['bad', 'better', 'good']);
  });

  test('a right that is granted after hours brings everything within half a minute, all of it together', async (t) => {
    const it = await setup(t);
    const deny: typeof it.consul.intercept = ({ method, body }) => {
      if (method !== 'PUT') return undefined;
      const operations = JSON.parse(String(body)) as object[];
      const Errors = operations.map((_, OpIndex) => ({ OpIndex, What: 'Permission denied: no rights' }));
      return { kind: 'answer', status: 409, body: JSON.stringify({ Results: null, Errors }) };
    };
    it.consul.intercept = deny;
    const many = Array.from({ length: 12 }, (_, index) => instance(`i${index}`));
    await it.touch(...many);
    await it.clock.advance(3_600_000);
    assert.deepEqual(it.registered(), []);
    const { transactions } = it.consul.stats;
    it.consul.intercept = undefined;
    let waited = 0;
    for (; it.registered().length === 0; waited += 100) await it.clock.advance(100);
    assert.ok(waited <= 20_000, `${waited} ms until the first`);
    await it.clock.advance(1_000);
    assert.equal(it.registered().length, 12);
    assert.ok(it.consul.stats.transactions - transactions <= 6);
  });

  test('what Consul refuses is a problem of its object until it is written', async (t) => {
    const it = await setup(t);
    it.consul.intercept = ({ method, body }) => {
      const operations = method === 'PUT' ? (JSON.parse(String(body)) as { Service?: unknown }[]) : [];
      const at = operations.findIndex(({ Service }) => Service !== undefined);
      const Errors = [{ OpIndex: at, What: 'Permission denied: token lacks permission' }];
      return at < 0
        ? undefined
        : { kind: 'answer', status: 409, body: JSON.stringify({ Results: null, Errors }) };
    };
    const meta = { 'kube-namespace': 'shop', 'kube-pod': 'web-1', 'kube-pod-uid': 'u1' };
    await it.touch(instance('a', { meta }));
    const [line, ...others] = it.reconciler.problems();
    assert.deepEqual(others, []);
    assert.deepEqual(line?.item.object, { kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'u1' });
    assert.equal(line?.item.reason, 'RegistrationFailed');
    assert.equal(line?.item.severity, 'error');
    assert.match(
      line?.item.message ?? '',
      /^Consul refuses an instance of service "web": put-instance on node \S+: Permission denied: token lacks permission; give the token/,
    );
    await it.clock.advance(300_000);
    assert.equal([...it.reconciler.problems()].length, 1);
    it.consul.intercept = undefined;
    await it.clock.advance(20_000);
    assert.deepEqual(it.registered(), ['a']);
    assert.deepEqual([...it.reconciler.problems()], []);
    assert.ok(reasons(it.log).includes('Cleared'));
  });

  test('a foreign node that takes the name is told and left alone', async (t) => {
    const it = await setup(t);
    it.consul.outsider.putNode({ Node: nodeName, Address: '192.0.2.1' });
    await it.touch(instance('a'));
    await it.clock.advance(5_000);
    assert.deepEqual(it.registered(), []);
    assert.equal(it.consul.outsider.nodes().find(({ Node }) => Node === nodeName)?.Address, '192.0.2.1');
    assert.ok(reasons(it.log).includes('Conflict'));
  });

  test('upsert-only removes nothing', async (t) => {
    const it = await setup(t, 'upsert-only');
    await it.touch(instance('a'), instance('b'));
    await it.touch(instance('c'));
    assert.deepEqual(it.registered(), ['a', 'b', 'c']);
  });

  test('dry-run writes nothing, and says once what it would do', async (t) => {
    const it = await setup(t, 'dry-run');
    await it.touch(instance('a'));
    await it.touch(instance('a'));
    assert.equal(it.consul.stats.transactions, 0);
    const held = it.log.filter(({ fields }) => fields['reason'] === 'Held');
    assert.deepEqual(held.map(({ fields }) => fields['would']).sort(), [
      'NodeHealth',
      'NodeRegistered',
      'Registered',
    ]);
  });
});
