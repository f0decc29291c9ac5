import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  anyEntry,
  desired,
  entry,
  instance,
  nodeName,
  observed,
  owner,
  readiness,
} from '../../test/support/entries.ts';
import type { CheckStatus } from '../model/check.ts';
import { type ConsulNodeName, consulNodeName, instanceId, serviceName } from '../model/keys.ts';
import type { NodeEntry } from '../model/node-entry.ts';
import { diff } from './diff.ts';
import type { ObservedNode } from './observed.ts';
import { keepLastKnown, servicesInPanic } from './panic.ts';

const options = { ratio: 0.5, nodeRatio: 0.3, minimumNodes: 2 };
const names = (...list: string[]): Set<ConsulNodeName> => new Set(list.map(consulNodeName));

/** A node with instances of services, each `web` or `web:critical`. */
function node(name: string, services: readonly string[]): ObservedNode {
  const instances = services.map((text, index) => {
    const [service = '', status = 'passing'] = text.split(':');
    const id = `${name}-${index}`;
    const checks = [readiness(id, status as CheckStatus)];
    return instance(id, { service: serviceName(service), checks });
  });
  return observed({ ...entry(instances), name: consulNodeName(name) });
}

const withNodeCheck = (of: NodeEntry, status: CheckStatus): NodeEntry => ({
  ...of,
  checks: of.checks.map((check) => ({ ...check, status, output: status })),
});

describe('servicesInPanic()', () => {
  const four = ['a', 'b', 'c', 'd'].map((name) => node(name, ['web', 'web']));

  test('names a service that would lose more than its share, not one that would lose just that', () => {
    const none = names();
    assert.deepEqual(
      [...servicesInPanic(four, { atRisk: names('a', 'b'), lost: none, share: 0.5 }, options)],
      [],
    );
    assert.deepEqual(
      [...servicesInPanic(four, { atRisk: names('a', 'b', 'c'), lost: none, share: 0.5 }, options)],
      ['web'],
    );
  });

  test('adds what was lost within the window', () => {
    assert.deepEqual(
      [...servicesInPanic(four, { atRisk: names('c'), lost: names('a', 'b'), share: 0.5 }, options)],
      ['web'],
    );
  });

  test('takes the loss of a single node for what it is', () => {
    const nodes = [node('a', ['db']), node('b', ['web'])];
    assert.deepEqual(
      [...servicesInPanic(nodes, { atRisk: names('a'), lost: names(), share: 0.5 }, options)],
      [],
    );
    const strict = { ...options, minimumNodes: 1 };
    assert.deepEqual(
      [...servicesInPanic(nodes, { atRisk: names('a'), lost: names(), share: 0.5 }, strict)],
      ['db'],
    );
  });

  test('takes the loss of few of many nodes for what it is', () => {
    const losses = { atRisk: names('a', 'b', 'c'), lost: names() };
    assert.deepEqual([...servicesInPanic(four, { ...losses, share: 0.3 }, options)], []);
    assert.deepEqual([...servicesInPanic(four, { ...losses, share: 0.31 }, options)], ['web']);
  });

  test('counts passing instances only, and each service by itself', () => {
    const nodes = [
      node('a', ['web', 'api:critical']),
      node('b', ['web', 'api:critical']),
      node('c', ['api', 'api', 'web:critical']),
    ];
    assert.deepEqual(
      [...servicesInPanic(nodes, { atRisk: names('a', 'b'), lost: names(), share: 0.5 }, options)],
      ['web'],
    );
  });
});

describe('keepLastKnown()', () => {
  const ours = entry([instance('i1'), instance('i2', { service: serviceName('api') })]);
  const lost = desired(withNodeCheck(ours, 'critical'));
  const keeps = (...services: string[]) => ({
    node: true,
    instance: ({ service }: { readonly service: string }) => services.includes(service),
  });

  test('keeps everything as it was: nothing is left to write', () => {
    const there = observed(ours);
    const { desired: kept, instances } = keepLastKnown(lost, there, keeps('web', 'api'));
    assert.deepEqual(diff(kept, there, { owner }).changes, []);
    assert.deepEqual(instances, ['i1', 'i2']);
  });

  test('keeps an instance in service whose check somebody else removed', () => {
    const failing = entry([instance('i1', { checks: [readiness('i1', 'critical', 'node lost')] })]);
    const there = observed(entry([instance('i1', { checks: [] })]));
    const { desired: kept, instances } = keepLastKnown(desired(failing), there, keeps('web'));
    const { changes } = diff(kept, there, { owner });
    assert.deepEqual(
      changes.map((change) => change.kind === 'put-check' && change.check.status),
      ['passing'],
    );
    assert.deepEqual(instances, ['i1']);
  });

  test('keeps a node in service whose check another program removed', () => {
    const there = observed({ ...ours, checks: [] });
    const { desired: kept, instances } = keepLastKnown(lost, there, keeps('web', 'api'));
    const { changes } = diff(kept, there, { owner });
    assert.deepEqual(
      changes.map((change) => change.kind === 'put-node-check' && change.check.status),
      ['passing'],
    );
    assert.deepEqual(instances, ['i1', 'i2']);
  });

  test('takes the others out by their own checks', () => {
    const there = observed(ours);
    const { desired: kept, instances } = keepLastKnown(lost, there, keeps('web'));
    const { changes } = diff(kept, there, { owner });
    assert.deepEqual(
      changes.map((change) => change.kind === 'put-check' && [change.instance, change.check.status]),
      [['i2', 'critical']],
    );
    assert.deepEqual(instances, ['i1']);
  });

  test('gives nothing to instances that are new or were not passing', () => {
    const there = observed(entry([instance('i1', { checks: [readiness('i1', 'critical', 'x')] })]));
    const { desired: kept, instances } = keepLastKnown(lost, there, keeps('web', 'api'));
    const statuses = [...kept.entry!.instances.values()].map(({ checks }) => checks[0]?.status);
    assert.deepEqual(statuses, ['critical', 'critical']);
    assert.deepEqual(instances, []);
  });

  test('registers a new instance without a check only when the node is decided', () => {
    const wanted = desired(withNodeCheck(entry([instance('i1', { checks: [] })]), 'critical'));
    assert.equal(keepLastKnown(wanted, observed(entry([])), keeps('web')).desired.entry?.instances.size, 0);
  });

  test('never shows an instance healthier than the cluster says or Consul has it', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, fc.boolean(), fc.boolean(), (wanted, known, node, all) => {
        const there = observed(known);
        const keeping = { node, instance: ({ id }: { readonly id: string }) => all || id === 'i1' };
        const { desired: kept } = keepLastKnown(desired(wanted), there, keeping);
        const isPassing = (of: NodeEntry | ObservedNode | undefined, id: string) => {
          const one = [...(of?.instances.values() ?? [])].find((each) => each.id === id);
          const checks = [...(of?.checks.values() ?? []), ...(one?.checks.values() ?? [])];
          return one !== undefined && checks.every(({ status }) => status === 'passing');
        };
        for (const id of ['i1', 'i2', 'i3', 'i4']) {
          if (isPassing(kept.entry, id)) assert.ok(isPassing(wanted, id) || isPassing(there, id), id);
        }
      }),
    );
  });

  describe('what is not wanted and stays', () => {
    const check = { status: 'critical', output: 'node lost' } as const;
    const source = { namespace: 'shop', podUid: 'uid-of-i1', kubeService: '', service: '', check };
    const other = instance('i3', { service: serviceName('api'), meta: instance('i1').meta });
    const there = observed(entry([...ours.instances.values(), other]));
    const bare = withNodeCheck(entry([]), 'critical');

    test('keeps its health as well, each instance by itself', () => {
      const stale = desired(bare, [source]);
      const { desired: kept, instances } = keepLastKnown(stale, there, keeps('web'));
      const written = diff(kept, there, { owner }).changes.flatMap((change) =>
        change.kind === 'put-check' ? [`${change.instance} ${change.check.status}`] : [],
      );
      assert.deepEqual(instances, ['i1']);
      assert.deepEqual(written, ['i3 critical'], 'of the same source, but not held');
    });

    test('keeps it while another takes its place', () => {
      const handedOver = new Map([[instanceId('i1'), { check }]]);
      const moving = { ...desired(bare), handedOver };
      const { desired: kept, instances } = keepLastKnown(moving, there, keeps('web'));
      assert.deepEqual(instances, ['i1']);
      assert.equal(kept.handedOver?.get(instanceId('i1'))?.check, undefined);
    });

    test('follows what is behind it where nothing is held', () => {
      const stale = desired(bare, [source]);
      const { desired: kept, instances } = keepLastKnown(stale, there, {
        node: false,
        instance: () => false,
      });
      assert.equal(kept, stale);
      assert.deepEqual(instances, []);
    });
  });

  test('leaves a healthy node, one that is not wanted and one that is not there as they are', () => {
    const healthy = desired(ours);
    assert.equal(keepLastKnown(healthy, observed(ours), keeps('web')).desired, healthy);
    assert.equal(keepLastKnown(lost, undefined, keeps('web')).desired, lost);
    const gone = desired(undefined);
    assert.equal(keepLastKnown(gone, observed(ours), keeps('web')).desired, gone);
    assert.equal(nodeName, ours.name);
  });
});
