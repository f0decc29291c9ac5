import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bareEndpoint, options, pod, service, slice, view } from '../../test/support/cluster-records.ts';
import { type Claim, createClaims, denialText } from './claims.ts';
import { desiredNode } from './desired.ts';

const may = (table: readonly Claim[], namespace: string, service: string): boolean =>
  createClaims(table)(namespace, service) === undefined;

describe('createClaims()', () => {
  test('leaves a name that no claim covers to everybody', () => {
    const table = [{ namespaces: ['pay'], services: ['payments', 'pay-*'] }];
    assert.ok(may(table, 'shop', 'web'));
    assert.ok(may(table, 'shop', 'payment'));
    assert.ok(may(table, 'shop', 'pay'), 'a prefix is taken as it is written');
  });

  test('keeps a name that a claim covers for its owners', () => {
    const table = [{ namespaces: ['pay', 'billing'], services: ['payments', 'pay-*'] }];
    for (const name of ['payments', 'pay-api', 'pay-']) {
      assert.ok(may(table, 'pay', name));
      assert.ok(may(table, 'billing', name));
      assert.ok(!may(table, 'shop', name));
    }
  });

  test('two claims for one name are for the owners of both', () => {
    const table = [
      { namespaces: ['platform'], services: ['*'] },
      { namespaces: ['shop'], services: ['shop-*'] },
      { namespaces: ['*'], services: ['shared'] },
    ];
    assert.ok(may(table, 'platform', 'shop-web'));
    assert.ok(may(table, 'shop', 'shop-web'));
    assert.ok(!may(table, 'shop', 'web'));
    assert.ok(may(table, 'anybody', 'shared'), 'an exception to what claims everything');
  });

  test('{namespace} stands for each namespace the claim names', () => {
    const table = [{ namespaces: ['a', 'b'], services: ['{namespace}-*'] }];
    assert.ok(may(table, 'a', 'a-web'));
    assert.ok(!may(table, 'a', 'b-web'));
    assert.ok(may(table, 'c', 'c-web'), 'c is in no claim, and so its names are not covered');
  });

  test('with every namespace, {namespace} keeps names to the namespace they start with', () => {
    const table = [{ namespaces: ['*'], services: ['{namespace}-*'] }];
    assert.ok(may(table, 'shop', 'shop-web'));
    assert.ok(!may(table, 'other', 'shop-web'));
    assert.ok(may(table, 'shop-eu', 'shop-eu-web'), 'the longer name fits too');
    assert.ok(may(table, 'other', 'web'), 'no namespace could be meant');
    const twice = [{ namespaces: ['*'], services: ['{namespace}-of-{namespace}'] }];
    assert.ok(may(twice, 'x', 'a-of-b'));
    assert.ok(!may(twice, 'x', 'a-of-a'));
  });

  test('case does not matter, as in Consul', () => {
    const table = [{ namespaces: ['pay'], services: ['Payments'] }];
    assert.ok(!may(table, 'shop', 'pAYMENTS'));
    assert.ok(may(table, 'pay', 'PAYMENTS'));
  });

  test('says who owns the name and what to do', () => {
    const table = [{ namespaces: ['pay'], services: ['pay-*'] }];
    const denial = createClaims(table)('shop', 'pay-api');
    assert.equal(
      denial && denialText('pay-api', 'shop', denial),
      'service "pay-api" is claimed by namespace "pay" (claim "pay-*"), not by namespace "shop"; ' +
        "use another name, or have the claims in kube-registrar's configuration changed",
    );
  });

  const label = fc.constantFrom('a', 'b', 'ab', 'a-b');
  const pattern = fc
    .tuple(fc.constantFrom('', 'a', '{namespace}', 'a-{namespace}'), fc.constantFrom('', '-', 'b', '*', '-*'))
    .map((parts) => parts.join(''))
    .filter((text) => text !== '');
  const anyTable = fc.array(
    fc.record({
      namespaces: fc.array(fc.oneof(label, fc.constant('*')), { minLength: 1, maxLength: 2 }),
      services: fc.array(pattern, { minLength: 1, maxLength: 2 }),
    }),
    { maxLength: 3 },
  );
  const name = fc
    .array(fc.constantFrom('a', 'b', '-'), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join(''));

  test('a name is denied only where somebody could register it, and to its owners never', () => {
    fc.assert(
      fc.property(anyTable, label, name, (table, namespace, service) => {
        const denial = createClaims(table)(namespace, service);
        if (denial === undefined) return;
        assert.ok(denial.claims.length > 0);
        for (const { namespace: owner } of denial.claims) {
          assert.notEqual(owner, namespace);
          if (owner !== '*') assert.ok(may(table, owner, service));
        }
      }),
    );
  });

  test('more claims never allow a namespace less of what it claims itself, nor does their order matter', () => {
    fc.assert(
      fc.property(anyTable, anyTable, label, name, (one, other, namespace, service) => {
        assert.equal(
          may([...one, ...other], namespace, service),
          may([...other, ...one], namespace, service),
        );
        const own = { namespaces: [namespace], services: [service] };
        assert.ok(may([...one, own], namespace, service));
        if (!may(one, namespace, service) && !may(other, namespace, service)) {
          assert.ok(!may([...one, ...other], namespace, service));
        }
      }),
    );
  });
});

describe('the desired state with claims', () => {
  const claims = createClaims([{ namespaces: ['pay'], services: ['web', 'search'] }]);

  test('a denied pod is not registered, is told why, and keeps what it has', () => {
    const { entry, stale, problems } = desiredNode('n1', view({ pods: [pod()] }), { ...options, claims });
    assert.equal(entry?.instances.size, 0);
    assert.deepEqual(
      problems.map(({ object, reason, field, severity }) => [object.name, reason, field, severity]),
      [['web-x2x7q', 'ServiceNameDenied', 'service', 'error']],
    );
    assert.match(problems[0]!.message, /claimed by namespace "pay"/);
    assert.deepEqual(
      stale.map(({ podUid, service, check }) => [podUid, service, check?.status]),
      [[pod().uid, 'web', 'passing']],
    );
  });

  test('a denied entry of a list leaves its neighbours alone', () => {
    const annotations = { services: '[{ service: web }, { service: api, port: "8080" }]' };
    const { entry, problems } = desiredNode('n1', view({ pods: [pod({ annotations })] }), {
      ...options,
      claims,
    });
    assert.deepEqual(
      [...entry!.instances.values()].map((each) => each.service),
      ['api'],
    );
    assert.deepEqual(
      problems.map(({ field }) => field),
      ['services[0].service'],
    );
  });

  test('a denied Service is told so, and its endpoints keep what they have', () => {
    const records = { services: [service()], slices: [slice({ endpoints: [bareEndpoint({ node: 'n1' })] })] };
    const { entry, stale, problems } = desiredNode('n1', view(records), { ...options, claims });
    assert.equal(entry?.instances.size, 0);
    assert.deepEqual(
      problems.map(({ object, reason }) => [object.kind, reason]),
      [['Service', 'ServiceNameDenied']],
    );
    assert.deepEqual(
      stale.map(({ kubeService }) => kubeService),
      ['search'],
    );
  });

  test('an owner is registered as without claims', () => {
    const records = view({ pods: [pod({ namespace: 'pay' })] });
    assert.deepEqual(desiredNode('n1', records, { ...options, claims }), desiredNode('n1', records, options));
  });
});
