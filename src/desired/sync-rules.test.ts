import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import * as records from '../../test/support/cluster-records.ts';
import { describeDeclarations } from './declarations.ts';
import { createSync, type NamespaceScope, type Sync, type SyncRules, serviceTypes } from './sync-rules.ts';

const rulesOf = (part: Partial<SyncRules> = {}): SyncRules => ({
  default: 'services',
  namespaces: {},
  serviceTypes: serviceTypes.filter((type) => type !== 'ExternalName'),
  namespaceAnnotations: [],
  ...part,
});
const syncOf = (part: Partial<SyncRules> = {}): Sync =>
  createSync(rulesOf(part)) ?? assert.fail('changes nothing');

const silent = { annotations: {} };
const inside: NamespaceScope = { takesDefault: true, problems: [] };

describe('createSync()', () => {
  test('is nothing where every object speaks for itself', () => {
    assert.equal(createSync(rulesOf({ default: 'none' })), undefined);
    assert.notEqual(createSync(rulesOf({ default: 'none', namespaces: { exclude: [] } })), undefined);
  });

  test('reads Namespaces only for a selector or for their annotations', () => {
    assert.equal(syncOf().readsNamespaces, false);
    assert.equal(syncOf({ namespaces: { include: ['a'], exclude: ['b'] } }).readsNamespaces, false);
    assert.equal(syncOf({ namespaces: { selector: 'a' } }).readsNamespaces, true);
    assert.equal(syncOf({ default: 'none', namespaceAnnotations: ['tags'] }).readsNamespaces, true);
  });
});

describe('a namespace', () => {
  const scopeOf = (part: Partial<SyncRules>, name: string, labels?: Record<string, string>): string => {
    const record = labels && records.namespace({ name, labels });
    const { outside, takesDefault } = syncOf(part).namespace(name, record);
    return outside ?? (takesDefault ? 'inside' : 'annotated only');
  };
  const rows: readonly (readonly [string, SyncRules['namespaces'], string, string])[] = [
    ['of any name is inside', {}, 'shop', 'inside'],
    ['of the system takes what is annotated', {}, 'kube-system', 'annotated only'],
    ['of the system is inside where exclude says something else', { exclude: [] }, 'kube-system', 'inside'],
    ['of the system is inside where include names it', { include: ['kube-system'] }, 'kube-system', 'inside'],
    ['of the system is not meant by a pattern', { include: ['kube-*'] }, 'kube-system', 'annotated only'],
    ['that exclude names is outside', { exclude: ['kube-*', 'dev'] }, 'kube-system', 'excluded'],
    ['that include does not name is outside', { include: ['team-*'] }, 'shop', 'excluded'],
    ['that include names is inside', { include: ['team-*'] }, 'team-a', 'inside'],
    ['that both name is outside', { include: ['team-*'], exclude: ['team-a'] }, 'team-a', 'excluded'],
  ];
  for (const [what, namespaces, name, expected] of rows) {
    test(what, () => assert.equal(scopeOf({ namespaces }, name), expected));
  }

  test('is inside as its labels say, and unknown while it was not read', () => {
    const part = { namespaces: { selector: 'consul=yes', exclude: ['dev'] } };
    assert.equal(scopeOf(part, 'shop', { consul: 'yes' }), 'inside');
    assert.equal(scopeOf(part, 'shop', { consul: 'no' }), 'unselected');
    assert.equal(scopeOf(part, 'shop'), 'unknown');
    assert.equal(scopeOf(part, 'dev', { consul: 'yes' }), 'excluded');
  });

  test('takes nothing by default where nothing is', () => {
    assert.equal(scopeOf({ default: 'none', namespaces: { exclude: ['dev'] } }, 'shop'), 'annotated only');
  });
});

describe('a Service that says nothing', () => {
  const why = (part: Parameters<typeof records.service>[0], rules: Partial<SyncRules> = {}): string =>
    syncOf(rules).notByDefault(records.service({ ...silent, ...part }), inside) ?? 'registered';

  test('is registered under its name, by its only port', () => {
    assert.deepEqual(syncOf().service(records.service(silent), inside), {
      annotations: { service: 'true' },
      scope: { byDefault: true },
    });
  });

  test('of several ports has the first one', () => {
    const ports = [
      { name: 'web', port: 80, protocol: 'TCP' },
      { name: 'admin', port: 81, protocol: 'TCP' },
    ];
    const asked = (part: object, scope = inside) =>
      syncOf().service(records.service({ ...silent, ports, ...part }), scope).annotations;
    assert.deepEqual(asked({}), { service: 'true', port: 'web' });
    assert.deepEqual(asked({ annotations: { port: 'admin', tags: 'a' } }), {
      service: 'true',
      port: 'admin',
      tags: 'a',
    });
    assert.deepEqual(asked({}, { ...inside, defaults: { port: 'admin' } }), { service: 'true' });
    const twice = ports.map((port) => ({ ...port, port: 53 }));
    assert.deepEqual(asked({ ports: twice }), { service: 'true' }, 'TCP and UDP of one number are one');
  });

  test('is left out for its type, its labels, without a port, and as that of the API server', () => {
    assert.equal(why({}), 'registered');
    assert.equal(why({ clusterIPs: ['None'] }), 'registered');
    assert.equal(why({ clusterIPs: ['None'] }, { serviceTypes: ['ClusterIP'] }), 'type');
    assert.equal(why({ type: 'ExternalName' }), 'type');
    assert.equal(why({ type: 'NodePort' }, { serviceTypes: ['LoadBalancer'] }), 'type');
    assert.equal(why({ labels: { consul: 'no' } }, { labelSelector: 'consul!=no' }), 'labels');
    assert.equal(why({ ports: [] }), 'ports');
    assert.equal(why({ namespace: 'default', name: 'kubernetes' }), 'api');
    assert.equal(why({ name: 'kubernetes' }), 'registered');
    assert.equal(why({}, { default: 'pods' }), 'off');
    assert.equal(
      syncOf().notByDefault(records.service(silent), { ...inside, takesDefault: false }),
      'namespace',
    );
  });

  test('is left out when it says itself what it asks for, or that it does not', () => {
    for (const own of [{ service: 'false' }, { service: 'other' }, { services: '- service: a' }]) {
      assert.equal(why({ annotations: own }), 'own');
      assert.deepEqual(syncOf().service(records.service({ annotations: own }), inside), { annotations: own });
    }
  });
});

describe('a pod that says nothing', () => {
  const pods = syncOf({ default: 'pods', labelSelector: 'app' });
  const webPod = (part: Parameters<typeof records.pod>[0] = {}) =>
    records.pod({ ...silent, workload: 'shop-web', ...part });

  test('is registered under the name of its workload, or the one in its label', () => {
    assert.deepEqual(pods.pod(webPod(), inside), {
      annotations: { service: 'shop-web' },
      scope: { byDefault: true },
    });
    const labels = { app: 'web', 'app.kubernetes.io/name': 'web' };
    assert.deepEqual(pods.pod(webPod({ labels }), inside).annotations, { service: 'web' });
  });

  test('is left out without a workload, a port or the labels', () => {
    assert.equal(pods.notByDefault(webPod(), inside), undefined);
    assert.equal(pods.notByDefault(webPod({ workload: '' }), inside), 'workload');
    assert.equal(pods.notByDefault(webPod({ ports: [] }), inside), 'ports');
    assert.equal(pods.notByDefault(webPod({ labels: {} }), inside), 'labels');
    assert.equal(syncOf().notByDefault(webPod(), inside), 'off');
  });
});

describe('the order of precedence', () => {
  const places = {
    podName: 'web-1',
    podNamespace: 'shop',
    podLabels: {},
    nodeName: 'n1',
    nodeZone: 'z1',
    nodeRegion: 'r1',
    clusterName: 'c1',
  };
  const values = {
    tags: fc.constantFrom('a', 'b', 'a,b'),
    weight: fc.constantFrom('2', '3', '4'),
    drain: fc.constantFrom('warning', 'deregister'),
    protocol: fc.constantFrom('http', 'grpc'),
    'meta.team': fc.constantFrom('x', 'y'),
    maintenance: fc.constantFrom('for a while', 'false'),
  };
  const some = fc.record(values, { requiredKeys: [] });

  test('the object, its Namespace, the configuration: for each field by itself', () => {
    fc.assert(
      fc.property(some, some, fc.constantFrom('none', 'own', 'list'), (own, ofNamespace, asks) => {
        const annotations: Record<string, string> =
          asks === 'list'
            ? { services: entryOf(own) }
            : { ...own, ...(asks === 'own' ? { service: 'true' } : {}) };
        const sync = syncOf({ namespaceAnnotations: ['*'] });
        const scope = sync.namespace('shop', records.namespace({ annotations: ofNamespace }));
        const asking = sync.service(records.service({ annotations }), scope);
        const { outcomes, mistakes } = describeDeclarations(
          { kind: 'Service', name: 'search', ...asking },
          places,
        );
        assert.deepEqual(mistakes, []);
        assert.equal(asking.scope?.byDefault === true, asks === 'none');
        const expected = describeDeclarations(
          { kind: 'Service', name: 'search', annotations: { ...ofNamespace, ...own, service: 'search' } },
          places,
        ).outcomes;
        assert.deepEqual(
          outcomes.map((outcome) => ({ ...outcome, at: '' })),
          expected,
        );
      }),
    );
  });

  /** The object's own fields as an entry of `services`. */
  function entryOf({ 'meta.team': team, ...fields }: Record<string, string | undefined>): string {
    return JSON.stringify([
      { service: 'search', ...fields, ...(team === undefined ? {} : { meta: { team } }) },
    ]);
  }

  test('outside, nothing is asked for, whatever says so', () => {
    const outside = { takesDefault: true, problems: [] };
    fc.assert(
      fc.property(some, fc.constantFrom('excluded', 'unselected'), (own, why) => {
        const asking = syncOf().service(records.service({ annotations: { ...own, service: 'true' } }), {
          ...outside,
          outside: why,
        });
        assert.deepEqual(asking, { annotations: {}, scope: { outside: why } });
      }),
    );
  });

  test('service: "false" leaves out one object, whatever its Namespace says', () => {
    fc.assert(
      fc.property(some, (ofNamespace) => {
        const sync = syncOf({ namespaceAnnotations: ['*'] });
        const scope = sync.namespace('shop', records.namespace({ annotations: ofNamespace }));
        const asking = sync.service(records.service({ annotations: { service: 'false' } }), scope);
        const { outcomes } = describeDeclarations({ kind: 'Service', name: 'search', ...asking }, places);
        assert.deepEqual(outcomes, []);
      }),
    );
  });
});

describe('the annotations of a Namespace', () => {
  const read = (
    annotations: Record<string, string>,
    allowed = ['tags', 'meta.*', 'drain', 'protocol', 'weight'],
  ) => {
    const { defaults, problems } = syncOf({ namespaceAnnotations: allowed }).namespace(
      'shop',
      records.namespace({ annotations }),
    );
    return {
      defaults,
      problems: problems.map(
        ({ object, severity, field, message }) => `${object.kind} ${severity} ${field}: ${message}`,
      ),
    };
  };

  test('are defaults as far as the configuration allows them', () => {
    assert.deepEqual(read({ tags: 'a', 'meta.team': 'x', drain: 'warning' }), {
      defaults: { tags: 'a', 'meta.team': 'x', drain: 'warning' },
      problems: [],
    });
    assert.deepEqual(read({ tags: 'a', maintenance: 'x', service: 'true', tagz: 'a' }), {
      defaults: { tags: 'a' },
      problems: [
        `Namespace warning maintenance: "maintenance" has no effect on a Namespace: sync.namespaceAnnotations in kube-registrar's configuration does not allow it`,
        'Namespace warning service: "service" has no effect on a Namespace: set it on each object, or use sync.default',
        'Namespace warning tagz: unknown annotation "tagz" is ignored; did you mean "tags"?',
      ],
    });
  });

  test('that are wrong are left out, and said once, at the Namespace', () => {
    assert.deepEqual(read({ drain: 'slowly', weight: '0', tags: 'ok', 'meta.pod': '{pod.label.app}' }), {
      defaults: { tags: 'ok', 'meta.pod': '{pod.label.app}' },
      problems: [
        'Namespace warning weight: weight "0" is not a whole number from 1 to 65535; it is not used as a default',
        'Namespace warning drain: drain "slowly" is not one of "critical", "warning", "deregister"; it is not used as a default',
      ],
    });
    assert.deepEqual(read({ protocol: 'http', 'meta.protocol': 'grpc' }), {
      defaults: { protocol: 'http' },
      problems: [
        'Namespace warning meta.protocol: meta key "protocol" is already set by "protocol"; it is not used as a default',
      ],
    });
  });

  test('a warning about one is not said again at each object', () => {
    const annotations = { tags: 'not.dns' };
    assert.deepEqual(read(annotations).problems.length, 1);
    const sync = syncOf({ namespaceAnnotations: ['tags'] });
    const scope = sync.namespace('shop', records.namespace({ annotations }));
    const asking = sync.service(records.service(silent), scope);
    const { mistakes, outcomes } = describeDeclarations(
      { kind: 'Service', name: 'search', ...asking },
      {
        podName: '',
        podNamespace: '',
        podLabels: {},
        nodeName: '',
        nodeZone: '',
        nodeRegion: '',
        clusterName: '',
      },
    );
    assert.deepEqual(mistakes, []);
    assert.deepEqual(outcomes[0]?.kind === 'declared' && outcomes[0].tags, ['not.dns']);
  });

  test('one that is the twin of an own field gives way to it', () => {
    const sync = syncOf({ namespaceAnnotations: ['*'] });
    const scope = sync.namespace('shop', records.namespace({ annotations: { protocol: 'http' } }));
    const asking = sync.service(records.service({ annotations: { 'meta.protocol': 'grpc' } }), scope);
    const { mistakes, outcomes } = describeDeclarations(
      { kind: 'Service', name: 'search', ...asking },
      {
        podName: '',
        podNamespace: '',
        podLabels: {},
        nodeName: '',
        nodeZone: '',
        nodeRegion: '',
        clusterName: '',
      },
    );
    assert.deepEqual(mistakes, []);
    assert.deepEqual(outcomes[0]?.kind === 'declared' && [...outcomes[0].meta], [['protocol', 'grpc']]);
  });
});
