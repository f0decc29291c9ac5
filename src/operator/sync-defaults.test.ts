import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

const byDefault = { sync: { default: 'services' } };

type Texts = Readonly<Record<string, string>>;

function putNamespace(
  cluster: SmallCluster,
  name: string,
  labels: Texts = {},
  annotations: Texts = {},
): void {
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels, annotations: prefixed(annotations) },
  });
}

interface ServiceParts {
  readonly annotations?: Texts;
  readonly labels?: Texts;
  readonly ports?: readonly string[];
  readonly spec?: object;
  /** Names of the pods behind it. Default: none, and one address without a pod and a node. */
  readonly pods?: readonly string[];
}

/** A Service and the EndpointSlice that a controller would write for it. */
function putService(cluster: SmallCluster, namespace: string, name: string, parts: ServiceParts = {}): void {
  const { annotations = {}, labels = {}, ports = ['http'], spec = {}, pods = [] } = parts;
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels, annotations: prefixed(annotations) },
    spec: { ports: ports.map((port, index) => ({ name: port, port: 80 + index })), ...spec },
  });
  const conditions = { ready: true, serving: true, terminating: false };
  cluster.kube.store.apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: ports.map((port, index) => ({ name: port, port: 8080 + index, protocol: 'TCP' })),
    endpoints:
      pods.length === 0
        ? [{ addresses: [nextHost()], conditions }]
        : pods.map((pod) => {
            const { metadata, status } = cluster.kube.store.get('pods', namespace, pod) as unknown as {
              metadata: { uid: string };
              status: { podIP: string };
            };
            const targetRef = { kind: 'Pod', name: pod, namespace, uid: metadata.uid };
            return { addresses: [status.podIP], conditions, nodeName: 'n1', targetRef };
          }),
  });
}
interface StoredEvent {
  readonly type: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

let hosts = 0;
const nextHost = (): string => {
  hosts += 1;
  return `192.0.2.${hosts}`;
};

const prefixed = (annotations: Texts): Texts =>
  Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`kube-registrar.io/${key}`, value]));

const servicesIn = (cluster: SmallCluster): string[] =>
  cluster.consul.outsider
    .nodes()
    .flatMap(({ Node }) => cluster.consul.outsider.services(Node))
    .filter(({ Service }) => Service !== 'consul')
    .map(({ Service, Port }) => `${Service}:${Port}`)
    .sort();

const metaOf = (cluster: SmallCluster, service: string): Texts =>
  cluster.consul.outsider
    .nodes()
    .flatMap(({ Node }) => cluster.consul.outsider.services(Node))
    .find(({ Service }) => Service === service)?.Meta ?? assert.fail(`no ${service}`);

describe('sync.default: services', () => {
  test('registers Services without annotations, and leaves out what opts out or is of the system', async () => {
    const cluster = new SmallCluster();
    for (const namespace of ['shop', 'kube-system', 'default']) cluster.kube.addNamespace(namespace);
    putService(cluster, 'shop', 'web');
    putService(cluster, 'shop', 'two-ports', { ports: ['api', 'admin'] });
    putService(cluster, 'shop', 'other', { spec: { type: 'ExternalName', externalName: 'a.example' } });
    putService(cluster, 'kube-system', 'dns');
    putService(cluster, 'kube-system', 'proxy', { annotations: { service: 'true' } });
    putService(cluster, 'default', 'kubernetes');
    const running = cluster.start(byDefault);
    await cluster.clock.advance(5_000);
    assert.deepEqual(servicesIn(cluster), ['proxy:8080', 'two-ports:8080', 'web:8080']);
    assert.equal(metaOf(cluster, 'web')['kube-by-default'], 'true');
    assert.equal(metaOf(cluster, 'proxy')['kube-by-default'], undefined);
    assert.deepEqual(running.operator.status().problems, []);

    putService(cluster, 'shop', 'web', { annotations: { service: 'false' } });
    putService(cluster, 'shop', 'two-ports', { ports: ['api', 'admin'], annotations: { port: 'admin' } });
    await cluster.clock.advance(1_000);
    assert.deepEqual(servicesIn(cluster), ['proxy:8080', 'two-ports:8081']);
    putService(cluster, 'shop', 'web');
    await cluster.clock.advance(1_000);
    assert.deepEqual(servicesIn(cluster), ['proxy:8080', 'two-ports:8081', 'web:8080']);
    await running.stop();
  });

  test('a pod that asks for the name itself is registered once', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', { service: 'web', tags: 'own' });
    cluster.putPod('b', {});
    cluster.putPod('c', { service: 'false' });
    putService(cluster, 'default', 'web', { pods: ['a', 'b', 'c'] });
    const running = cluster.start(byDefault);
    await cluster.clock.advance(5_000);
    assert.deepEqual(servicesIn(cluster), ['web:8080', 'web:8080']);
    const tags = cluster.consul.outsider.services('kubernetes-n1').map(({ Tags }) => Tags?.join());
    assert.deepEqual(tags.sort(), ['', 'own']);
    await running.stop();
  });

  test('a namespace is followed as its labels change, and nothing is registered of others', async () => {
    const cluster = new SmallCluster();
    const config = { sync: { default: 'services', namespaces: { selector: 'consul=yes' } } };
    putNamespace(cluster, 'shop', { consul: 'yes' });
    putNamespace(cluster, 'dev');
    putService(cluster, 'shop', 'web');
    putService(cluster, 'dev', 'dev-web');
    putService(cluster, 'dev', 'dev-own', { annotations: { service: 'true' } });
    cluster.putPod('dev-pod', { service: 'dev-pod' }, { namespace: 'dev' });
    putNamespace(cluster, 'dev');
    const running = cluster.start(config);
    await cluster.clock.advance(5_000);
    assert.deepEqual(servicesIn(cluster), ['web:8080']);
    putNamespace(cluster, 'dev', { consul: 'yes' });
    await cluster.clock.advance(1_000);
    assert.deepEqual(servicesIn(cluster), ['dev-own:8080', 'dev-pod:8080', 'dev-web:8080', 'web:8080']);
    for (let more = 0; more < 30; more += 1) putService(cluster, 'dev', `dev-${more}`);
    await cluster.clock.advance(1_000);
    assert.equal(servicesIn(cluster).length, 34);
    putNamespace(cluster, 'dev', { consul: 'no' });
    await cluster.clock.advance(1_000);
    assert.deepEqual(
      servicesIn(cluster),
      ['web:8080'],
      'it was seen to leave, so its many removals are explained',
    );
    await running.stop();
  });

  test('a new namespace waits until its labels are known', async () => {
    const cluster = new SmallCluster();
    const config = { sync: { default: 'services', namespaces: { selector: 'consul=yes' } } };
    const running = cluster.start(config);
    await cluster.clock.advance(1_000);
    // Its Services are seen before itself.
    cluster.kube.faults.intercept = undefined;
    putService(cluster, 'late', 'web');
    await cluster.clock.advance(5_000);
    assert.deepEqual(servicesIn(cluster), []);
    putNamespace(cluster, 'late', { consul: 'yes' });
    await cluster.clock.advance(1_000);
    assert.deepEqual(servicesIn(cluster), ['web:8080']);
    // It is missing for a while, as from a list that lacks something, and nothing of it goes.
    cluster.kube.store.delete('namespaces', undefined, 'late');
    await cluster.clock.advance(600_000);
    assert.deepEqual(servicesIn(cluster), ['web:8080']);
    cluster.kube.store.delete('services', 'late', 'web');
    await cluster.clock.advance(1_000);
    assert.deepEqual(servicesIn(cluster), [], 'what is seen to end goes all the same');
    await running.stop();
  });
});

describe('sync.default: pods', () => {
  test('registers pods with a port under the name of their workload', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', {});
    cluster.putPod('quiet', { service: 'false' });
    cluster.putPod('own', { service: 'mine' });
    cluster.putPod('dns', {}, { namespace: 'kube-system' });
    const running = cluster.start({ sync: { default: 'pods' } });
    await cluster.clock.advance(5_000);
    assert.deepEqual(servicesIn(cluster), ['mine:8080', 'web-1:8080']);
    await running.stop();
  });

  test('an annotated Service in front of a pod says more of its name', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web', {});
    putService(cluster, 'default', 'web', {
      annotations: { service: 'true', tags: 'of-service' },
      pods: ['web'],
    });
    const running = cluster.start({ sync: { default: 'pods' } });
    await cluster.clock.advance(5_000);
    const [one, ...others] = cluster.consul.outsider.services('kubernetes-n1');
    assert.deepEqual([one?.Service, one?.Tags, others], ['web', ['of-service'], []]);
    assert.deepEqual(running.operator.status().problems, []);
    putService(cluster, 'default', 'web', { pods: ['web'] });
    await cluster.clock.advance(1_000);
    const [left, ...more] = cluster.consul.outsider.services('kubernetes-n1');
    assert.deepEqual([left?.Service, left?.Tags, more], ['web', [], []]);
    await running.stop();
  });
});

describe('a configuration that leaves out what it took before', () => {
  async function registered(config: object, count: number): Promise<SmallCluster> {
    const cluster = new SmallCluster();
    putNamespace(cluster, 'shop', { consul: 'yes' });
    for (let number = 0; number < count; number += 1) putService(cluster, 'shop', `web-${number}`);
    const first = cluster.start(config);
    await cluster.clock.advance(5_000);
    assert.equal(servicesIn(cluster).length, count);
    await first.stop();
    return cluster;
  }
  /** Something happens in the cluster all the time: an API server without any history proves nothing. */
  async function goOn(cluster: SmallCluster, ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 5_000) {
      putNamespace(cluster, 'busy', {}, { tick: `${at}` });
      await cluster.clock.advance(5_000);
    }
  }
  const selecting = (selector: string) => ({ sync: { default: 'services', namespaces: { selector } } });
  const changes: readonly (readonly [string, object, object])[] = [
    ['a mistake in a selector', selecting('consul=yes'), selecting('consul=yse')],
    ['no default any more', byDefault, {}],
    ['another include', byDefault, { sync: { default: 'services', namespaces: { include: ['shopp'] } } }],
    ['another label selector', byDefault, { sync: { default: 'services', labelSelector: 'consul=yes' } }],
  ];
  for (const [what, before, after] of changes) {
    test(`with ${what}, removes nothing before the guard's time is over`, async () => {
      const cluster = await registered(before, 30);
      const running = cluster.start(after);
      await cluster.clock.advance(60_000);
      assert.equal(servicesIn(cluster).length, 30);
      const held = running.log.filter(({ fields }) => fields['reason'] === 'RemovalHeld');
      assert.ok(
        held.some(({ fields }) => Number(fields['leftOut']) > 10),
        'the log says whose doing it is',
      );
      assert.equal(running.operator.status().held.length, 30);
      // What is right again is not removed.
      await running.stop();
      const again = cluster.start(before);
      await cluster.clock.advance(60_000);
      assert.equal(servicesIn(cluster).length, 30);
      assert.deepEqual(again.operator.status().held, []);
      await again.stop();
      const meant = cluster.start(after);
      await goOn(cluster, 900_000);
      assert.deepEqual(servicesIn(cluster), [], 'no hold needs a person');
      await meant.stop();
    });
  }

  test('removes a few, once they are read again', async () => {
    const cluster = await registered(byDefault, 3);
    const running = cluster.start();
    await goOn(cluster, 10_000);
    assert.deepEqual(servicesIn(cluster), []);
    const [gone] = running.log.filter(({ fields }) => fields['reason'] === 'NodeDeregistered');
    assert.equal(gone?.fields['because'], 'confirmed');
    await running.stop();
  });
});

describe('Namespaces that may not be read', () => {
  const config = {
    sync: { default: 'services', namespaces: { selector: 'consul=yes' }, namespaceAnnotations: ['tags'] },
  };

  test('leave everything as it is, but for health and for what is seen to end', async () => {
    const cluster = new SmallCluster();
    putNamespace(cluster, 'shop', { consul: 'yes' }, { tags: 'shop' });
    cluster.putPod('a', { service: 'a' }, { namespace: 'shop' });
    putNamespace(cluster, 'shop', { consul: 'yes' }, { tags: 'shop' });
    for (let number = 0; number < 20; number += 1) putService(cluster, 'shop', `web-${number}`);
    const first = cluster.start(config);
    await cluster.clock.advance(5_000);
    assert.equal(servicesIn(cluster).length, 21);
    await first.stop();

    cluster.kube.faults.intercept = ({ path }) =>
      path.startsWith('/api/v1/namespaces?')
        ? {
            kind: 'answer',
            status: 403,
            body: JSON.stringify({ kind: 'Status', code: 403, reason: 'Forbidden', message: 'not allowed' }),
          }
        : undefined;
    const running = cluster.start({ ...config, guard: { removals: false } });
    putService(cluster, 'shop', 'new');
    await cluster.clock.advance(600_000);
    assert.equal(servicesIn(cluster).length, 21, 'nothing goes, and nothing new comes');
    assert.deepEqual(running.operator.notReady(), []);
    assert.deepEqual(
      running.operator.degraded().map((text) => text.replace(/ \(.*/, '')),
      ['namespaces: may not be read'],
    );
    assert.equal(cluster.passing('a').length, 1);
    cluster.putPod('a', { service: 'a' }, { namespace: 'shop', ready: false });
    putNamespace(cluster, 'shop', { consul: 'yes' }, { tags: 'shop' });
    await cluster.clock.advance(1_000);
    assert.equal(cluster.passing('a').length, 0, 'health goes on being followed');
    cluster.kube.store.delete('services', 'shop', 'web-7');
    await cluster.clock.advance(1_000);
    assert.equal(servicesIn(cluster).length, 20);
    cluster.kube.faults.intercept = undefined;
    await cluster.clock.advance(120_000);
    assert.equal(servicesIn(cluster).length, 21, 'the new one came');
    await running.stop();
  });
});

describe('annotations of a Namespace', () => {
  const config = { sync: { namespaceAnnotations: ['tags', 'meta.*', 'drain'] } };

  test('are defaults for what is annotated in it, and are followed', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', { service: 'a' }, { namespace: 'shop' });
    cluster.putPod('b', { service: 'b', tags: 'own' }, { namespace: 'shop' });
    cluster.putPod('c', { services: '[{service: c, meta: {team: own}}]' }, { namespace: 'shop' });
    putNamespace(cluster, 'shop', {}, { tags: 'of-shop', 'meta.team': 'shop' });
    const running = cluster.start(config);
    await cluster.clock.advance(5_000);
    const seen = () =>
      cluster.consul.outsider
        .services('kubernetes-n1')
        .map(({ Service, Tags, Meta }) => `${Service} ${Tags?.join()} ${Meta?.['team'] ?? ''}`)
        .sort();
    assert.deepEqual(seen(), ['a of-shop shop', 'b own shop', 'c of-shop own']);
    putNamespace(cluster, 'shop', {}, { tags: 'new' });
    await cluster.clock.advance(1_000);
    assert.deepEqual(seen(), ['a new ', 'b own ', 'c new own']);
    await running.stop();
  });

  test('that are wrong are said once, by an Event on the Namespace, and hold up nothing', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', { service: 'a' }, { namespace: 'shop' });
    cluster.putPod('b', { service: 'b' }, { namespace: 'shop' });
    putNamespace(cluster, 'shop', {}, { drain: 'slowly', maintenance: 'all of it' });
    const running = cluster.start(config);
    await cluster.clock.advance(5_000);
    assert.deepEqual(servicesIn(cluster), ['a:8080', 'b:8080']);
    const stored = cluster.kube.store.list('events') as unknown as StoredEvent[];
    const events = stored
      .filter(({ type }) => type === 'Warning')
      .map(({ involvedObject, message }) => `${involvedObject.kind} ${involvedObject.name}: ${message}`);
    assert.deepEqual(events.sort(), [
      'Namespace shop: "maintenance" has no effect on a Namespace: sync.namespaceAnnotations in kube-registrar\'s configuration does not allow it (annotation kube-registrar.io/maintenance)',
      'Namespace shop: drain "slowly" is not one of "critical", "warning", "deregister"; it is not used as a default (annotation kube-registrar.io/drain)',
    ]);
    putNamespace(cluster, 'shop');
    await cluster.clock.advance(1_000);
    assert.deepEqual(running.operator.status().problems, []);
    await running.stop();
  });
});

describe('explain', () => {
  const config = (cluster: SmallCluster, object: string, namespace: string, more: Texts) =>
    cluster.run(['explain', object, '-n', namespace], { environment: more });

  test('says by which rule an object is registered, or is not', async () => {
    const cluster = new SmallCluster();
    putNamespace(cluster, 'shop', { consul: 'yes' }, { tags: 'shop' });
    putNamespace(cluster, 'dev');
    putService(cluster, 'shop', 'web', { ports: ['http', 'admin'] });
    putService(cluster, 'shop', 'empty', { spec: { ports: [] } });
    putService(cluster, 'shop', 'outer', { spec: { type: 'ExternalName', externalName: 'a.example' } });
    putService(cluster, 'shop', 'quiet', { annotations: { service: 'false' } });
    putService(cluster, 'shop', 'own', { annotations: { service: 'mine', tags: 'own' } });
    putService(cluster, 'dev', 'web', { annotations: { service: 'true' } });
    putService(cluster, 'kube-system', 'dns');
    putService(cluster, 'old', 'web');
    cluster.putPod('job', {}, { namespace: 'shop' });
    putNamespace(cluster, 'shop', { consul: 'yes' }, { tags: 'shop' });
    const environment = {
      KUBE_REGISTRAR_SYNC_DEFAULT: 'services',
      KUBE_REGISTRAR_SYNC_NAMESPACES_SELECTOR: 'consul=yes',
      KUBE_REGISTRAR_SYNC_NAMESPACE_ANNOTATIONS: 'tags',
    };
    const rows: readonly (readonly [string, string, RegExp])[] = [
      [
        'svc/web',
        'shop',
        /is registered by sync\.default: services, by port "http"\n.*takes from its Namespace.*: tags\n/,
      ],
      ['svc/empty', 'shop', /sync\.default excludes it: it declares no port/],
      ['svc/outer', 'shop', /sync\.default excludes its type, which sync\.serviceTypes does not name/],
      ['svc/quiet', 'shop', /service is "false": it asks for nothing/],
      ['svc/own', 'shop', /asks with its annotations:\n.*service: "mine".*\n.*tags: "own".*\n.*takes/],
      [
        'svc/web',
        'dev',
        /nothing in namespace dev is registered: it does not have the labels of sync\.namespaces\.selector \(consul=yes\)/,
      ],
      ['svc/dns', 'kube-system', /nothing in namespace kube-system is registered/],
      ['svc/web', 'old', /nothing in namespace old is registered anew, .*: the Namespace has not been read/],
    ];
    for (const [object, namespace, expected] of rows) {
      const { stdout, stderr } = await config(cluster, object, namespace, environment);
      assert.match(stdout, expected, `${object} ${stderr}`);
    }
    const byName = {
      KUBE_REGISTRAR_SYNC_DEFAULT: 'services',
      KUBE_REGISTRAR_SYNC_NAMESPACES_INCLUDE: 'shop',
      KUBE_REGISTRAR_SYNC_NAMESPACES_EXCLUDE: 'sh*',
    };
    const { stdout } = await config(cluster, 'svc/web', 'shop', byName);
    assert.match(stdout, /nothing in namespace shop is registered: sync\.namespaces\.exclude names it/);
    const other = await config(cluster, 'svc/web', 'dev', byName);
    assert.match(
      other.stdout,
      /nothing in namespace dev is registered: sync\.namespaces\.include does not name it/,
    );
    const system = await config(cluster, 'svc/dns', 'kube-system', {
      KUBE_REGISTRAR_SYNC_DEFAULT: 'services',
    });
    assert.match(system.stdout, /sync\.default excludes its namespace, which is a system namespace/);
  });
});
