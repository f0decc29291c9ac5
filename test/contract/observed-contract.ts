import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { entryNoun } from '../../src/model/entry-ref.ts';
import { type ConsulNodeName, consulNodeName, instanceId, serviceName } from '../../src/model/keys.ts';
import type { NodeEntry } from '../../src/model/node-entry.ts';
import { nodeOwnership } from '../../src/plan/ownership.ts';
import { catalogFeatures, type RegistryFeatures } from '../../src/plan/registry-features.ts';
import { ConsulOperator, type ConsulWorld } from '../support/consul-operator.ts';
import { anyEntry, entry, instance, readiness } from '../support/entries.ts';

const signal = new AbortController().signal;
const settled = { changes: [], findings: [], unsettled: new Set() };

export interface ObservedContractOptions {
  /** Of the property test. */
  readonly runs: number;
  /** What the operator finds that Consul does not keep. Default: it keeps everything. */
  readonly lacks?: Partial<RegistryFeatures>;
}

/**
 * What the operator relies on when it writes to Consul and reads it back. Every test has a cluster uid and
 * a node of its own, so one server serves them all.
 */
export function observedContract(
  name: string,
  world: () => ConsulWorld,
  { runs, lacks = {} }: ObservedContractOptions,
): void {
  const features = { ...catalogFeatures, ...lacks };
  const setUp = async (wanted?: NodeEntry): Promise<ConsulOperator> => {
    const operator = new ConsulOperator(world());
    await operator.observed.readAll(signal);
    if (wanted !== undefined) await operator.reconcile(wanted);
    return operator;
  };
  const kinds = (results: Awaited<ReturnType<ConsulOperator['reconcile']>>) =>
    new Set(results.map(({ outcome }) => outcome.kind));

  describe(`writing to and reading from ${name}`, () => {
    test('what was written is what is read, and nothing is left to write', async () => {
      const wanted = entry([
        instance('i1', { taggedAddresses: { lan_ipv4: { address: '10.0.0.1', port: 8080 } } }),
        instance('i2', { checks: [readiness('i2', 'critical', 'probe failed')] }),
      ]);
      const operator = await setUp();
      assert.deepEqual(kinds(await operator.reconcile(wanted)), new Set(['committed']));
      assert.deepEqual(operator.diff(wanted), settled);
      const written = operator.observed.node(operator.node)?.instances;
      assert.deepEqual(await operator.observed.readAll(signal), []);
      assert.equal(operator.observed.node(operator.node)?.instances, written, 'held in memory once');
      assert.deepEqual(operator.observed.features, features);
    });

    test('a restart reads what was written and has nothing to write', async () => {
      const wanted = entry([instance('i1'), instance('i2')]);
      const operator = await setUp(wanted);
      const restarted = operator.restarted();
      await restarted.readAll(signal);
      assert.deepEqual(
        [...restarted.nodes()].map((node) => node.name),
        [operator.node],
      );
      assert.deepEqual(operator.diff(wanted, restarted), settled);
    });

    test('any state is reached from any other, and memory is what Consul holds', async () => {
      const operator = await setUp();
      await fc.assert(
        fc.asyncProperty(fc.option(anyEntry, { nil: undefined, freq: 4 }), async (wanted) => {
          for (const { outcome } of await operator.reconcile(wanted)) assert.equal(outcome.kind, 'committed');
          assert.deepEqual(operator.diff(wanted), settled);
          assert.deepEqual(await operator.observed.readAll(signal), []);
          const restarted = operator.restarted();
          await restarted.readAll(signal);
          assert.deepEqual(
            new Map(restarted.node(operator.node)?.instances),
            new Map(operator.observed.node(operator.node)?.instances),
          );
        }),
        { numRuns: runs },
      );
    });

    test('more than one transaction holds is written, the new node first', async () => {
      const operator = await setUp();
      const wanted = entry(Array.from({ length: 300 }, (_, position) => instance(`i${position}`)));
      assert.deepEqual(kinds(await operator.reconcile(wanted)), new Set(['committed']));
      assert.deepEqual(await operator.observed.refreshNode(operator.node, signal), []);
      assert.equal(operator.observed.node(operator.node)?.instances.size, 300);
    });

    test("a check's copy of its service's name and tags follows", async () => {
      const operator = await setUp(entry([instance('i1')]));
      await operator.reconcile(entry([instance('i1', { service: serviceName('api'), tags: ['c'] })]));
      await operator.observed.refreshNode(operator.node, signal);
      const [seen] = operator.observed.node(operator.node)?.instances.values() ?? [];
      const [check] = seen?.checks.values() ?? [];
      assert.deepEqual([check?.serviceName, check?.serviceTags], ['api', ['c']]);
    });

    test('an operation Consul refuses is left out, the rest is written', async () => {
      const operator = await setUp(entry([instance('i1')]));
      const [i2, i3] = [instance('i2'), instance('i3')];
      const missing = `missing-${randomUUID()}` as ConsulNodeName;
      const put = { kind: 'put-instance', effect: 'create' } as const;
      const results = await operator.submit([
        { ...put, node: operator.node, instance: i2 },
        { ...put, node: missing, instance: i3 },
      ]);
      assert.deepEqual(
        results.map(({ outcome }) => outcome.kind),
        ['committed', 'refused'],
      );
    });

    test('a pod recreated under its name replaces its old instance', async () => {
      const operator = await setUp(entry([instance('web-0-old', { address: '10.0.0.9' })]));
      const wanted = entry([instance('web-0-new', { address: '10.0.0.9' })]);
      assert.deepEqual(kinds(await operator.reconcile(wanted)), new Set(['committed']));
      await operator.observed.refreshNode(operator.node, signal);
      assert.deepEqual([...operator.observed.node(operator.node)!.instances.keys()], ['web-0-new']);
    });
  });

  describe(`what somebody else does in ${name}`, () => {
    const wanted = entry([instance('i1'), instance('i2')]);

    /** What a comparison finds; and then it is repaired for good. */
    const repaired = async (operator: ConsulOperator): Promise<string[]> => {
      const drifts = await operator.observed.readAll(signal);
      assert.deepEqual(kinds(await operator.reconcile(wanted)), new Set(['committed']));
      assert.deepEqual(await operator.observed.readAll(signal), []);
      const restarted = operator.restarted();
      await restarted.readAll(signal);
      assert.deepEqual(operator.diff(wanted, restarted), settled);
      return drifts.map(({ at, what, fields }) =>
        [entryNoun(at), what, ...fields.map(({ field }) => field)].join(' '),
      );
    };

    test('an instance removed is drift, and comes back', async () => {
      const operator = await setUp(wanted);
      await operator.outsider('/v1/catalog/deregister', { Node: operator.node, ServiceID: 'i1' });
      assert.deepEqual(await repaired(operator), ['instance missing']);
    });

    test('a check flipped is drift, and is put right', async () => {
      const operator = await setUp(wanted);
      const check = { Node: operator.node, CheckID: 'i1:readiness', ServiceID: 'i1', Status: 'critical' };
      await operator.outsider('/v1/txn', [{ Check: { Verb: 'set', Check: check } }]);
      const type = features.checkType ? ' type' : '';
      assert.deepEqual(await repaired(operator), [`check changed name notes status${type}`]);
    });

    test('a node removed is one drift, and comes back with everything on it', async () => {
      const operator = await setUp(wanted);
      await operator.outsider('/v1/catalog/deregister', { Node: operator.node });
      assert.deepEqual(await repaired(operator), ['node missing']);
    });

    test("a registration that wipes the node's meta does not make it somebody else's", async () => {
      const operator = await setUp(wanted);
      const Service = { ID: 'i1', Service: 'web', Address: '10.6.6.6', Port: 1 };
      await operator.outsider('/v1/catalog/register', {
        Node: operator.node,
        Address: '192.168.0.1',
        Service,
      });
      const found = await repaired(operator);
      assert.ok(found.some((drift) => drift.startsWith('node changed meta')));
      assert.ok(found.some((drift) => drift.startsWith('instance changed address')));
    });

    test('an instance put beside ours stays, and keeps the node', async () => {
      const operator = await setUp(wanted);
      const [Node, Address] = [operator.node, '192.168.0.1'];
      const Service = { ID: 'db-1', Service: 'db', Port: 5432 };
      await operator.outsider('/v1/catalog/register', { Node, Address, SkipNodeUpdate: true, Service });
      await operator.observed.readAll(signal);
      await operator.reconcile(undefined);
      await operator.observed.refreshNode(operator.node, signal);
      assert.deepEqual([...operator.observed.node(operator.node)!.instances.keys()], ['db-1']);
      assert.equal(operator.diff(undefined).findings[0]?.kind, 'foreign-instance');
    });

    test('a foreign node of our name is found before it is written, and left alone', async () => {
      const operator = await setUp();
      await operator.outsider('/v1/catalog/register', { Node: operator.node, Address: '10.9.9.9' });
      assert.deepEqual(await operator.reconcile(wanted), []);
      assert.equal(operator.diff(wanted).findings[0]?.kind, 'foreign-owner');
    });

    test('a foreign node that takes our name meanwhile is not overwritten', async () => {
      const operator = await setUp();
      await operator.observed.load([operator.node], signal);
      await operator.outsider('/v1/catalog/register', { Node: operator.node, Address: '10.9.9.9' });
      const results = await operator.submit(operator.diff(wanted).changes);
      assert.equal(results[0]?.outcome.kind === 'refused' && results[0].outcome.error.code, 'conflict');
      assert.equal(operator.observed.needsReading(operator.node), true);
      assert.deepEqual(await operator.reconcile(wanted), []);
      assert.equal(operator.observed.node(operator.node)?.address, '10.9.9.9');
    });

    test('a node that was replaced under its name is not removed', async () => {
      const operator = await setUp(wanted);
      await operator.outsider('/v1/catalog/deregister', { Node: operator.node });
      await operator.outsider('/v1/catalog/register', { Node: operator.node, Address: '10.9.9.9' });
      const results = await operator.submit(operator.diff(undefined).changes);
      assert.equal(results[0]?.outcome.kind, 'refused');
      await operator.reconcile(undefined);
      const seen = operator.observed.node(operator.node);
      assert.equal(seen && nodeOwnership(seen, operator.owner), 'no-stamp');
    });

    test("another cluster's nodes are not seen", async () => {
      const [one, other] = [await setUp(wanted), await setUp(wanted)];
      await one.observed.readAll(signal);
      assert.deepEqual(
        [...one.observed.nodes()].map(({ name }) => name),
        [one.node],
      );
      assert.equal(one.observed.node(other.node), undefined);
    });
  });
}

/**
 * What the operator relies on where ACLs are on and deny by default. `filtered`: what it says when Consul left entries out
 * of an answer; since 1.11 the answer says so itself.
 */
export function observedAclContract(
  name: string,
  world: () => ConsulWorld,
  filtered = /service_prefix/,
): void {
  const setUp = async (): Promise<ConsulOperator> => {
    const operator = new ConsulOperator(world());
    await operator.observed.readAll(signal);
    await operator.reconcile(entry([instance('i1')]));
    return operator;
  };
  const grant = async (operator: ConsulOperator, rules: object): Promise<void> => {
    const Name = `p-${randomUUID()}`;
    const SecretID = randomUUID();
    await operator.outsider('/v1/acl/policy', { Name, Rules: JSON.stringify(rules) });
    await operator.outsider('/v1/acl/token', { SecretID, Policies: [{ Name }] });
    operator.token = SecretID;
  };
  const any = (policy: string) => ({ '': { policy } });

  describe(`ACLs of ${name}`, () => {
    test('a token that is lost is never read as an empty catalog', async () => {
      const operator = await setUp();
      operator.token = undefined;
      await assert.rejects(operator.observed.readAll(signal), { code: 'forbidden' });
      assert.equal(operator.observed.node(operator.node)?.instances.has(instanceId('i1')), true);
    });

    test('a process that starts without a token takes a hidden node for neither free nor read', async () => {
      const operator = await setUp();
      const { node, token } = operator;
      const free = consulNodeName(`${node}-free`);
      operator.token = undefined;
      const restarted = operator.restarted();
      await restarted.readAll(signal);
      assert.deepEqual([...restarted.nodes()], [], 'nobody says that something is left out');
      const hidden = { code: 'forbidden', message: /is not shown to the Consul token/ } as const;
      await assert.rejects(restarted.load([free, node], signal), hidden);
      assert.deepEqual([restarted.needsReading(free), restarted.needsReading(node)], [false, true]);
      await assert.rejects(restarted.readAll(signal), hidden);
      operator.token = token;
      await restarted.load([free, node], signal);
      assert.equal(restarted.node(free), undefined);
      assert.equal(restarted.node(node)?.instances.has(instanceId('i1')), true);
    });

    test('a token that is unknown is forbidden, for readings and for writes', async () => {
      const operator = await setUp();
      operator.token = randomUUID();
      await assert.rejects(operator.observed.readAll(signal), {
        code: 'forbidden',
        message: /ACL not found/,
      });
      const [result] = await operator.submit(operator.diff(entry([])).changes);
      assert.equal(result?.outcome.kind === 'failed' && result.outcome.error.code, 'forbidden');
    });

    test('a token that sees the nodes and not their services is not believed', async () => {
      const operator = await setUp();
      await grant(operator, { node_prefix: any('read') });
      await assert.rejects(operator.observed.readAll(signal), {
        code: 'forbidden',
        message: filtered,
      });
    });

    test('a service the token may not write is refused alone', async () => {
      const operator = await setUp();
      await grant(operator, {
        node_prefix: any('write'),
        service_prefix: { ...any('read'), web: { policy: 'write' } },
      });
      const wanted = entry([
        instance('i1', { checks: [readiness('i1', 'critical')] }),
        instance('i2', { service: serviceName('db') }),
      ]);
      const outcomes = (await operator.reconcile(wanted)).map(({ change, outcome }) =>
        outcome.kind === 'refused'
          ? `${change.kind} ${outcome.error.code}`
          : `${change.kind} ${outcome.kind}`,
      );
      assert.deepEqual(outcomes.sort(), ['put-check committed', 'put-instance forbidden']);
    });
  });
}
