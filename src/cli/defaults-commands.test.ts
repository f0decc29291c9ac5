/** `plan`, `explain` and `validate` of what is registered without annotations, or left out by the configuration. */
import assert from 'node:assert/strict';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { ingressObject, ingressStatus } from '../../test/support/route-objects.ts';
import { validateWith } from '../../test/support/run-validate.ts';
import { SmallCluster } from '../../test/support/small-cluster.ts';

type Texts = Readonly<Record<string, string>>;

const environmentOf = (name: string, more: Texts = {}) => ({
  environment: { KUBE_REGISTRAR_SYNC_DEFAULT: name, ...more },
});

function putService(cluster: SmallCluster, name: string, address: string, annotations: Texts = {}): void {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`kube-registrar.io/${key}`, value]);
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', annotations: Object.fromEntries(prefixed) },
    spec: { ports: [{ name: 'http', port: 80 }] },
  });
  cluster.kube.store.apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: [address], conditions: { ready: true, serving: true, terminating: false } }],
  });
}

interface Owner {
  readonly kind: string;
  readonly name: string;
}

/** A pod with what decides whether it is registered by default. */
function putPod(cluster: SmallCluster, name: string, owner: Owner | undefined, more: object = {}): void {
  cluster.putPod(name, {});
  const pod = cluster.kube.store.get('pods', 'default', name)!;
  const ownerReferences =
    owner === undefined ? [] : [{ controller: true, uid: 'u', apiVersion: 'v1', ...owner }];
  cluster.kube.store.apply({ ...pod, metadata: { ...pod.metadata, ownerReferences }, ...more });
}

describe('kube-registrar plan, with defaults', () => {
  test('shows what would be registered without annotations, and of what opts out nothing', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web', {});
    cluster.putPod('quiet', { service: 'false' });
    putService(cluster, 'front', '192.0.2.7');
    const pods = await cluster.run(['plan'], environmentOf('pods'));
    assert.match(pods.stdout, /\+ instance default\.web\.\S+ of web\n/);
    assert.match(pods.stdout, /kube-by-default: true\n/);
    assert.doesNotMatch(pods.stdout, /quiet|front/);
    assert.equal(pods.exitCode, 2);
    const services = await cluster.run(['plan'], environmentOf('services'));
    assert.match(services.stdout, /\+ instance default\.front\.192-0-2-7\.front\.8080 of front\n/);
    assert.doesNotMatch(services.stdout, /of web|quiet/);
    const none = await cluster.run(['plan'], environmentOf('none'));
    assert.equal(none.stdout, 'Nothing to do: Consul is in sync with the cluster.\n');
    assert.equal(cluster.consul.stats.operations, 0);
  });

  test('shows what another configuration would leave out, and that the guard would hold what is much', async () => {
    const cluster = new SmallCluster();
    for (let more = 0; more < 20; more += 1) putService(cluster, `web-${more}`, `192.0.2.${more}`);
    const operator = cluster.start({ sync: { default: 'services' } });
    await cluster.clock.advance(10_000);
    await operator.stop();
    const same = await cluster.run(['plan'], environmentOf('services'));
    assert.equal(same.stdout, 'Nothing to do: Consul is in sync with the cluster.\n');
    const other = { KUBE_REGISTRAR_SYNC_NAMESPACES_EXCLUDE: 'default' };
    const { stdout } = await cluster.run(['plan'], environmentOf('services', other));
    assert.equal(stdout.match(/- instance .* of web-\d+ \(held by the guard\)\n/g)?.length, 20);
    const few = { KUBE_REGISTRAR_SYNC_LABEL_SELECTOR: 'a notin (b)' };
    const still = await cluster.run(['plan'], environmentOf('services', few));
    assert.equal(still.stdout, 'Nothing to do: Consul is in sync with the cluster.\n');
  });
});

describe('kube-registrar explain, with defaults', () => {
  test('says by which rule a pod is registered, or is not', async () => {
    const cluster = new SmallCluster();
    putPod(cluster, 'web', { kind: 'StatefulSet', name: 'shop' });
    putPod(cluster, 'job', { kind: 'Job', name: 'nightly' });
    putPod(cluster, 'static', { kind: 'Node', name: 'n1' });
    putPod(cluster, 'bare', undefined, {
      spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'x' }] },
    });
    cluster.putPod('quiet', { service: 'false' });
    const operator = cluster.start({ sync: { default: 'pods' } });
    await cluster.clock.advance(10_000);
    const rows: readonly (readonly [string, RegExp, number])[] = [
      [
        'web',
        /is registered by sync\.default: pods\n(?:.*\n)*.*shop 10\.\S+:8080 on node \S+: registered as wanted/,
        0,
      ],
      ['job', /sync\.default excludes it: it belongs to a Job, or its node runs it by itself/, 0],
      ['static', /sync\.default excludes it: it belongs to a Job, or its node runs it by itself/, 0],
      ['bare', /sync\.default excludes it: it declares no port/, 0],
      ['quiet', /service is "false": neither its own annotations nor a Service asks for it/, 0],
    ];
    for (const [name, expected, code] of rows) {
      const found = await cluster.run(['explain', `pod/${name}`], environmentOf('pods'));
      assert.match(found.stdout, expected, name);
      assert.equal(found.exitCode, code, name);
      if (name !== 'web') assert.match(found.stdout, /In Consul: nothing, and nothing is wanted/);
    }
    const labelled = { KUBE_REGISTRAR_SYNC_LABEL_SELECTOR: 'consul=yes' };
    const { stdout } = await cluster.run(['explain', 'pod/web'], environmentOf('pods', labelled));
    assert.match(stdout, /sync\.default excludes it: it does not have the labels of sync\.labelSelector/);
    await operator.stop();
  });

  test('says of a pod which Service registers it by default', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web', {}, { ip: '10.1.0.7' });
    putService(cluster, 'front', '10.1.0.7');
    const slice = cluster.kube.store.get('endpointslices.discovery.k8s.io', 'default', 'front-1')!;
    const { uid } = cluster.kube.store.get('pods', 'default', 'web')!.metadata;
    const [endpoint] = slice['endpoints'] as readonly object[];
    const targetRef = { kind: 'Pod', name: 'web', namespace: 'default', uid };
    cluster.kube.store.apply({ ...slice, endpoints: [{ ...endpoint, nodeName: 'n1', targetRef }] });
    const { stdout } = await cluster.run(['explain', 'pod/web'], environmentOf('services'));
    assert.match(stdout, /is asked for by Service default\/front/);
  });

  test('says that an Ingress is in a namespace that is left out, and which of its labels rules use', async () => {
    const cluster = new SmallCluster();
    const object = ingressObject({ service: 'web' });
    const metadata = { ...object.metadata, labels: { team: 'a', other: 'x' } };
    cluster.kube.store.apply({ ...object, metadata, status: ingressStatus('203.0.113.7') });
    const sources = { KUBE_REGISTRAR_SYNC_SOURCES: 'ingresses' };
    const left = { ...sources, KUBE_REGISTRAR_SYNC_NAMESPACES_INCLUDE: 'shop*' };
    const { stdout, exitCode } = await cluster.run(['explain', 'ing/web'], environmentOf('none', left));
    assert.match(
      stdout,
      /nothing in namespace default is registered: sync\.namespaces\.include does not name it/,
    );
    assert.match(stdout, /In Consul: nothing, and nothing is wanted/);
    assert.equal(exitCode, 0);

    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'kube-registrar-'));
    const file = path.join(directory.path, 'config.yaml');
    await writeFile(file, 'sync: { sources: [ingresses] }\nlabels: { toTags: [{ label: te* }] }\n');
    const ruled = await cluster.run(['explain', 'ing/web', '--config', file]);
    assert.match(ruled.stdout, /labels that become tags or meta by rule: team\n/);
    assert.match(ruled.stdout, / {8}tags: \["team=a"\]\n/);
  });
});

describe('kube-registrar validate, with defaults', () => {
  const manifest = (kind: string, name: string, more = '') =>
    `apiVersion: v1\nkind: ${kind}\nmetadata: { name: ${name}, namespace: shop${more} }\n`;
  const service = (name: string, more = '') =>
    `${manifest('Service', name, more)}spec: { ports: [{ port: 80 }] }\n`;
  const pod = (name: string, port: string) =>
    `${manifest('Pod', name)}spec: { containers: [{ name: main, ports: [${port}] }] }\n`;

  test('checks the names of what is registered without annotations, and counts what it checks', async () => {
    const text = [
      service('vault'),
      service('web'),
      pod('consul', '{ containerPort: 80 }'),
      pod('bare', ''),
    ].join('---\n');
    const of = (kind: string) =>
      validateWith({ sync: { default: kind }, reservedNames: ['vault', 'consul'] }, text);
    const services = await of('services');
    assert.equal(services.lines.length, 1);
    assert.match(
      services.lines[0]!,
      /^<stdin>:1:1: Service\/vault: service: service "vault" is a reserved name/,
    );
    assert.match(services.stderr, /^2 objects/);
    const pods = await of('pods');
    assert.equal(pods.lines.length, 1);
    assert.match(pods.lines[0]!, /^<stdin>:\d+:1: Pod\/consul: service: service "consul" is a reserved name/);
    assert.match(pods.stderr, /^1 object /);
    const none = await of('none');
    assert.deepEqual([none.lines, none.exitCode], [[], 0]);
  });

  test('says nothing of what opts out, and of what the configuration leaves out only where it is annotated', async () => {
    const annotated = service('own', ', annotations: { kube-registrar.io/service: "true" }');
    const out = service('vault', ', annotations: { kube-registrar.io/service: "false" }');
    const config = { sync: { default: 'services', namespaces: { exclude: ['shop'] } } };
    const { lines } = await validateWith(config, [service('vault'), annotated, out].join('---\n'));
    assert.equal(lines.length, 2);
    for (const line of lines) assert.match(line, /nothing in namespace shop is registered: sync\.namespaces/);
    const inside = await validateWith({ sync: { default: 'services' }, reservedNames: ['vault'] }, out);
    assert.deepEqual(inside.lines, []);
  });
});
