import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bareEndpoint, options, pod, service, slice, view } from '../../test/support/cluster-records.ts';
import { type Claim, createClaims, defaultReservedNames, denialText } from './claims.ts';
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

  test('no namespace takes a name that could be of a longer one, whether there is such a namespace or not', () => {
    const table = [{ namespaces: ['*'], services: ['{namespace}-*'] }];
    assert.ok(!may(table, 'team', 'team-a-web'));
    assert.ok(!may(table, 'team', 'TEAM-A-web'));
    assert.ok(may(table, 'team-a', 'team-a-web'));
    assert.ok(may(table, 'team', 'team-web'));
    assert.ok(may(table, 'team', 'team--web'), 'no namespace ends with a hyphen');
    assert.deepEqual(createClaims(table)('team', 'team-a-web'), {
      claims: [{ namespace: 'team-a', service: '{namespace}-*' }],
    });
    const both = [{ namespaces: ['*'], services: ['x-{namespace}-y*'] }];
    assert.ok(may(both, 'a-ya', 'x-a-ya-ya'));
    assert.ok(!may(both, 'a', 'x-a-ya-ya'));
  });

  test('of namespaces that are named, the longest that fits has the name', () => {
    const pattern = ['{namespace}-*'];
    for (const table of [
      [{ namespaces: ['team', 'team-a'], services: pattern }],
      [
        { namespaces: ['team-a'], services: pattern },
        { namespaces: ['team'], services: pattern },
      ],
    ]) {
      assert.ok(!may(table, 'team', 'team-a-web'));
      assert.ok(may(table, 'team-a', 'team-a-web'));
      assert.ok(may(table, 'team', 'team-b-web'), 'team-b is not named');
    }
    const named = [
      { namespaces: ['team'], services: pattern },
      { namespaces: ['*'], services: pattern },
    ];
    assert.ok(!may(named, 'team', 'team-a-web'), 'beside every namespace a name adds nothing');
    const more = [
      { namespaces: ['*'], services: pattern },
      { namespaces: ['team'], services: ['team-a-web'] },
    ];
    assert.ok(may(more, 'team', 'team-a-web'), 'a claim that says so gives it');
  });

  test('says why a shorter namespace does not have the name', () => {
    const table = [{ namespaces: ['*'], services: ['{namespace}-*'] }];
    const denial = createClaims(table)('shop', 'shop-web-api');
    assert.equal(
      denial && denialText('shop-web-api', 'shop', denial),
      'service "shop-web-api" is claimed by namespace "shop-web" (claim "{namespace}-*"), not by namespace "shop", ' +
        'because a name belongs to the longest namespace that matches it; ' +
        "use another name, or have the claims in kube-registrar's configuration changed",
    );
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
          assert.ok(may(table, owner, service));
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

describe('reserved names', () => {
  const table = [
    { namespaces: ['*'], services: ['*'] },
    { namespaces: ['platform'], services: ['Vault', 'nomad*'] },
  ];
  const allowed = (namespace: string, name: string, reserved = defaultReservedNames) =>
    createClaims(table, reserved)(namespace, name) === undefined;

  test('are for nobody, whatever their case, and whatever a claim of all names says', () => {
    for (const name of ['consul', 'CONSUL', 'kube-registrar', 'Kube-Registrar', 'nomad', 'nomad-client']) {
      for (const namespace of ['shop', 'platform', 'kube-system']) assert.ok(!allowed(namespace, name), name);
    }
    assert.ok(allowed('shop', 'consul-ui'));
    assert.ok(createClaims([])('shop', 'consul') === undefined, 'nothing is reserved by itself');
  });

  test('are for the namespaces of claims that name them exactly', () => {
    assert.ok(allowed('platform', 'vault'));
    assert.ok(allowed('platform', 'VAULT'));
    assert.ok(!allowed('shop', 'vault'));
  });

  test('may be patterns, and none', () => {
    assert.ok(!allowed('shop', 'consul-server', ['consul*']));
    assert.ok(allowed('shop', 'consul', []));
  });

  test('say so, and what to do', () => {
    const denial = createClaims([], ['consul'])('shop', 'Consul');
    assert.equal(
      denial && denialText('Consul', 'shop', denial),
      'service "Consul" is a reserved name; use another one, or have a claim for exactly this name, or reservedNames ' +
        "without it, added to kube-registrar's configuration",
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
