import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  anyEntry,
  applied,
  desired,
  entry,
  instance,
  nodeName,
  observed,
  owner,
  readiness,
} from '../../test/support/entries.ts';
import { terminatingOutput } from '../model/check.ts';
import type { StaleSource, UnreadSource } from '../model/desired-node.ts';
import { checkId, instanceId, serviceName } from '../model/keys.ts';
import type { Change } from './change.ts';
import { diff } from './diff.ts';
import type { ObservedInstance, ObservedNode } from './observed.ts';
import { catalogFeatures } from './registry-features.ts';

const options = { owner };

/** `put-instance web-1` and the like: what a test looks at. */
function brief(change: Change): string {
  switch (change.kind) {
    case 'put-node':
    case 'delete-node':
      return change.kind;
    case 'put-node-check':
      return `${change.kind} ${change.check.id}`;
    case 'put-instance':
      return `${change.kind} ${change.instance.id}`;
    case 'put-check':
      return `${change.kind} ${change.check.id}`;
    case 'delete-check':
      return `${change.kind} ${change.check}`;
    case 'delete-instance':
      return `${change.kind} ${change.instance}`;
  }
}

const briefs = (...args: Parameters<typeof diff>) => diff(...args).changes.map(brief);

function withInstance(node: ObservedNode, changed: ObservedInstance): ObservedNode {
  return { ...node, instances: new Map(node.instances).set(changed.id, changed) };
}

const foreign: ObservedInstance = {
  ...instance('db-1', { service: serviceName('db'), meta: { team: 'dba' } }),
  checks: new Map(),
  modifyIndex: 7,
};

describe('diff()', () => {
  test('writes a new node before what is on it, an instance with all its checks', () => {
    const changes = diff(desired(entry([instance('web-1')])), undefined, options).changes;
    assert.deepEqual(changes.map(brief), [
      'put-node',
      'put-node-check kubernetes-node',
      'put-instance web-1',
    ]);
    assert.equal(changes[0]?.kind === 'put-node' && changes[0].modifyIndex, 0);
    assert.equal(changes[2]?.kind === 'put-instance' && changes[2].instance.checks.length, 1);
  });

  test('writes nothing when nothing differs', () => {
    const wanted = entry([instance('web-1'), instance('web-2')]);
    assert.deepEqual(diff(desired(wanted), observed(wanted), options), {
      changes: [],
      findings: [],
      unsettled: new Set(),
    });
  });

  test('does not count the order of tags as a difference', () => {
    const seen = observed(entry([instance('web-1', { tags: ['b', 'a'] })]));
    assert.deepEqual(briefs(desired(entry([instance('web-1', { tags: ['a', 'b'] })])), seen, options), []);
  });

  test('does not count the virtual addresses Consul adds by itself', () => {
    const seen = observed(
      entry([
        instance('web-1', { taggedAddresses: { 'consul-virtual': { address: '240.0.0.1', port: 1 } } }),
      ]),
    );
    assert.deepEqual(briefs(desired(entry([instance('web-1')])), seen, options), []);
  });

  test('writes only the check when only health changed', () => {
    const seen = observed(entry([instance('web-1')]));
    const wanted = entry([instance('web-1', { checks: [readiness('web-1', 'critical', 'probe failed')] })]);
    const [change, ...others] = diff(desired(wanted), seen, options).changes;
    assert.deepEqual(others, []);
    assert.equal(change?.kind, 'put-check');
    assert.equal(change?.effect, 'health');
  });

  for (const [what, changed] of [
    ['tags', instance('web-1', { tags: ['c'] })],
    ['service name', instance('web-1', { service: serviceName('shop') })],
  ] as const) {
    test(`rewrites the check together with the service when the ${what} changed`, () => {
      const [change] = diff(desired(entry([changed])), observed(entry([instance('web-1')])), options).changes;
      assert.equal(change?.kind, 'put-instance');
      assert.deepEqual(change?.kind === 'put-instance' && change.instance.checks, changed.checks);
    });
  }

  test('leaves the check out when another field of the service changed', () => {
    const wanted = entry([instance('web-1', { port: 9090 })]);
    const [change] = diff(desired(wanted), observed(entry([instance('web-1')])), options).changes;
    assert.deepEqual(change?.kind === 'put-instance' && change.instance.checks, []);
    assert.equal(change?.kind === 'put-instance' && change.effect, 'update');
  });

  test('repairs a check whose copy of the tags is out of date', () => {
    const wanted = entry([instance('web-1')]);
    const seen = observed(wanted);
    const old = seen.instances.get(instanceId('web-1'))!;
    const check = old.checks.get(checkId('web-1:readiness'))!;
    const checks = new Map([[check.id, { ...check, serviceTags: ['old'] }]]);
    assert.deepEqual(briefs(desired(wanted), withInstance(seen, { ...old, checks }), options), [
      'put-check web-1:readiness',
    ]);
  });

  test('adds the instance of a recreated pod before it removes the old one', () => {
    const seen = observed(entry([instance('web-0-old', { address: '10.0.0.9' })]));
    const wanted = entry([instance('web-0-new', { address: '10.0.0.9' })]);
    assert.deepEqual(briefs(desired(wanted), seen, options), [
      'put-instance web-0-new',
      'delete-instance web-0-old',
    ]);
  });

  test('puts what comes into service before what goes out, and what is not in service yet with the latter', () => {
    const failing = [readiness('b', 'critical')];
    const maintenance = { ...readiness('e', 'critical'), id: checkId('_service_maintenance:e') };
    const seen = observed(
      entry([
        instance('a'),
        instance('b'),
        instance('c', { checks: [readiness('c', 'critical')] }),
        instance('e', { checks: [maintenance, readiness('e')] }),
      ]),
    );
    const wanted = entry([
      instance('b', { checks: failing }),
      instance('c'),
      instance('d'),
      instance('e'),
      instance('f', { checks: [readiness('f', 'critical')] }),
    ]);
    assert.deepEqual(briefs(desired(wanted), seen, options), [
      'put-instance d',
      'delete-check _service_maintenance:e',
      'put-check c:readiness',
      'delete-instance a',
      'put-instance f',
      'put-check b:readiness',
    ]);
  });

  test('puts removals and health before what can wait', () => {
    const seen = observed(entry([instance('a'), instance('b'), instance('c')]));
    const wanted = entry(
      [instance('a', { port: 1 }), instance('b', { checks: [readiness('b', 'critical')] })],
      { address: '192.168.0.9' },
    );
    assert.deepEqual(briefs(desired(wanted), seen, options), [
      'delete-instance c',
      'put-check b:readiness',
      'put-node',
      'put-instance a',
    ]);
  });

  test('removes our check that is no longer wanted and leaves one that somebody else added', () => {
    const maintenance = { ...readiness('web-1'), id: checkId('_service_maintenance:web-1') };
    const seen = observed(entry([instance('web-1', { checks: [maintenance, readiness('web-1')] })]));
    const wanted = desired(entry([instance('web-1')]));
    assert.deepEqual(briefs(wanted, seen, options), ['delete-check _service_maintenance:web-1']);

    const old = seen.instances.get(instanceId('web-1'))!;
    const byHand = { ...old.checks.get(maintenance.id)!, notes: 'disk is being replaced' };
    const checks = new Map(old.checks).set(maintenance.id, byHand);
    const { changes, findings } = diff(wanted, withInstance(seen, { ...old, checks }), options);
    assert.deepEqual(changes, []);
    assert.deepEqual(
      findings.map(({ kind }) => kind),
      ['foreign-check'],
    );
  });

  test('removes a node nobody wants with one change', () => {
    const seen = observed(entry([instance('web-1'), instance('web-2')]), 12);
    assert.deepEqual(diff(desired(undefined), seen, options).changes, [
      { kind: 'delete-node', node: nodeName, modifyIndex: 12 },
    ]);
  });

  test('keeps a node that carries an instance of somebody else, and removes its own from it', () => {
    const seen = withInstance(observed(entry([instance('web-1')])), foreign);
    const { changes, findings } = diff(desired(undefined), seen, options);
    assert.deepEqual(changes.map(brief), ['delete-instance web-1']);
    assert.deepEqual(
      findings.map(({ kind }) => kind),
      ['foreign-instance'],
    );
  });

  test('knows its own instance by its check when the meta was replaced', () => {
    const seen = observed(entry([instance('web-1'), instance('web-2')]));
    const old = seen.instances.get(instanceId('web-1'))!;
    const wiped = withInstance(seen, { ...old, meta: {} });
    assert.deepEqual(briefs(desired(entry([instance('web-2')])), wiped, options), ['delete-instance web-1']);
  });

  describe('touches nothing on a node', () => {
    const ours = observed(entry([instance('web-1')]));
    const serfHealth = checkId('serfHealth');
    const cases: readonly (readonly [string, ObservedNode])[] = [
      ['no-stamp', { ...ours, meta: {}, stampedBefore: false }],
      ['other-owner', { ...ours, meta: { ...ours.meta, 'kube-cluster-uid': 'another' } }],
      [
        'agent',
        {
          ...ours,
          checks: new Map([[serfHealth, { ...[...ours.checks.values()][0]!, id: serfHealth }]]),
        },
      ],
    ];
    for (const [reason, seen] of cases) {
      for (const wanted of [desired(undefined), desired(entry([instance('web-2')]))]) {
        test(`of another owner (${reason}), ${wanted.entry ? 'to change it' : 'to remove it'}`, () => {
          assert.deepEqual(diff(wanted, seen, options), {
            changes: [],
            findings: [{ kind: 'foreign-owner', node: nodeName, reason }],
            unsettled: undefined,
          });
        });
      }
    }
  });

  test('repairs its own node whose stamp was wiped', () => {
    const wanted = entry([instance('web-1')]);
    const wiped = { ...observed(wanted), meta: {}, stampedBefore: true };
    assert.deepEqual(briefs(desired(wanted), wiped, options), ['put-node']);
  });

  describe('with a source that may not be read', () => {
    const ofPod = { 'kube-namespace': 'shop', 'kube-pod': 'web-1', 'kube-pod-uid': 'u1' };
    const there = (meta: Readonly<Record<string, string>>, output = '') =>
      observed(entry([instance('web-1', { meta, checks: [readiness('web-1', 'critical', output)] })]));
    const kinds = (meta: Readonly<Record<string, string>>, source: UnreadSource, output?: string) => {
      const found = diff({ ...desired(undefined), unread: [source] }, there(meta, output), options);
      return [...found.changes.map(brief), ...found.findings.map(({ kind }) => kind)];
    };
    const inShop = (resource: UnreadSource['resource']) => ({ resource, namespace: 'shop' });

    test('keeps what may come from it, and its node', () => {
      const ofService = { ...ofPod, 'kube-service': 'web' };
      const ofAddress = { 'kube-namespace': 'shop', 'kube-service': 'web' };
      for (const [meta, resources] of [
        [ofPod, ['pods']],
        [ofService, ['pods', 'services', 'endpointslices']],
        [ofAddress, ['services', 'endpointslices']],
      ] as const) {
        for (const resource of ['pods', 'services', 'endpointslices'] as const) {
          const expected = (resources as readonly string[]).includes(resource) ? ['unread'] : ['delete-node'];
          assert.deepEqual(kinds(meta, inShop(resource)), expected, resource);
          assert.deepEqual(kinds(meta, { resource, namespace: '' }), expected, resource);
        }
      }
    });

    test('keeps nothing of another namespace, nor what was seen ending', () => {
      assert.deepEqual(kinds(ofPod, { resource: 'pods', namespace: 'pay' }), ['delete-node']);
      assert.deepEqual(kinds(ofPod, inShop('pods'), terminatingOutput.Pod), ['delete-node']);
    });
  });

  describe('with a stale source', () => {
    const source: StaleSource = {
      namespace: 'shop',
      podUid: 'uid-of-web-1',
      kubeService: '',
      service: '',
      check: { status: 'critical', output: 'probe failed' },
    };
    const seen = observed(entry([instance('web-1'), instance('web-2')]));

    test('keeps its instance and lets only the readiness check follow', () => {
      const { changes, findings } = diff(desired(entry([instance('web-2')]), [source]), seen, options);
      assert.deepEqual(changes.map(brief), ['put-check web-1:readiness']);
      assert.deepEqual(
        findings.map(({ kind }) => kind),
        ['stale'],
      );
    });

    test('writes nothing when the check already follows', () => {
      const check = { status: 'passing', output: '' } as const;
      const stale = desired(entry([instance('web-2')]), [{ ...source, check }]);
      assert.deepEqual(briefs(stale, seen, options), []);
    });

    test('keeps what is handed over until others have taken its place, in the same way', () => {
      const { check } = source;
      const whole = { ...desired(undefined), handedOver: new Map([[instanceId('web-1'), { check }]]) };
      const { changes, findings } = diff(whole, observed(entry([instance('web-1')])), options);
      assert.deepEqual(changes.map(brief), ['put-check web-1:readiness']);
      assert.deepEqual(
        findings.map(({ kind }) => kind),
        ['handed-over'],
      );
    });

    test('keeps only instances of the service it names', () => {
      const stale = desired(entry([instance('web-2')]), [{ ...source, service: 'api' }]);
      assert.deepEqual(briefs(stale, seen, options), ['delete-instance web-1']);
    });

    test('keeps the instances of every port of the service it names', () => {
      const [http, other] = [
        instance('web-1', { service: serviceName('web-http') }),
        instance('web-2', { service: serviceName('webmail') }),
      ];
      const stale = desired(undefined, [{ ...source, service: 'web', check: undefined }]);
      const node = observed(entry([http, { ...other, meta: http.meta }]));
      assert.deepEqual(briefs(stale, node, options), ['delete-instance web-2']);
    });

    test('keeps the node when nothing else is wanted on it', () => {
      assert.deepEqual(briefs(desired(undefined, [{ ...source, check: undefined }]), seen, options), [
        'delete-instance web-2',
      ]);
    });

    test('makes no node for what was never registered, and removes a bare one', () => {
      const nothing = desired(entry([]), [source]);
      assert.deepEqual(briefs(nothing, undefined, options), []);
      assert.deepEqual(briefs(nothing, observed(entry([])), options), ['delete-node']);
      assert.deepEqual(briefs(nothing, observed(entry([instance('web-2')])), options), ['delete-node']);
      assert.deepEqual(briefs(nothing, seen, options), [
        'delete-instance web-2',
        'put-check web-1:readiness',
      ]);
    });
  });

  test('does not write for ever what the server drops', () => {
    const wanted = entry([instance('web-1', { taggedAddresses: { lan_ipv4: { address: '::1', port: 1 } } })]);
    const seen = observed(wanted);
    const old = seen.instances.get(instanceId('web-1'))!;
    const check = { ...old.checks.get(checkId('web-1:readiness'))!, type: '' };
    const dropped = withInstance(
      { ...seen, checks: new Map([...seen.checks].map(([id, each]) => [id, { ...each, type: '' }])) },
      { ...old, taggedAddresses: {}, checks: new Map([[check.id, check]]) },
    );
    const features = { ...catalogFeatures, checkType: false, taggedAddresses: false };
    assert.deepEqual(briefs(desired(wanted), dropped, { owner, features }), []);
  });

  test('then applying gives the desired state: a second diff is empty', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, fc.boolean(), (before, after, fresh) => {
        const seen = fresh ? undefined : observed(before);
        const { changes } = diff(desired(after), seen, options);
        assert.deepEqual(diff(desired(after), applied(seen, changes), options), {
          changes: [],
          findings: [],
          unsettled: new Set(),
        });
      }),
    );
  });

  test('gives the same output for the same input, whatever the order of its maps', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, (before, after) => {
        const seen = observed(before);
        const turned = { ...seen, instances: new Map([...seen.instances].reverse()) };
        const turnedEntry = { ...after, instances: new Map([...after.instances].reverse()) };
        assert.deepEqual(diff(desired(turnedEntry), turned, options), diff(desired(after), seen, options));
      }),
    );
  });

  test('never writes an entry that is right', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, (before, after) => {
        const seen = observed(before, 10);
        const { changes } = diff(desired(after), seen, options);
        for (const change of changes) {
          assert.notDeepEqual(applied(seen, [change], 10), seen, brief(change));
        }
      }),
    );
  });
});
