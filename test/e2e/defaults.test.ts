/** What is registered without annotations, on a real API server with its controllers, and a real Consul. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { KubeList, KubeObject } from '../support/real/kube-api.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import { annotations, type Namespace } from '../support/real/workloads.ts';

const selecting = {
  default: 'services',
  namespaces: { selector: 'consul=yes' },
  namespaceAnnotations: ['tags', 'meta.*'],
};

let stage: Stage;

before(async () => {
  stage = await startStage({
    sync: selecting,
    components: ['namespaces'],
    guard: { confirm: '4s', maxHold: '8s', settle: '200ms' },
  });
});

after(() => stage?.[Symbol.asyncDispose]());

async function namespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<Namespace> {
  const created = await stage.namespace(name);
  await patch(name, { labels });
  return created;
}

const patch = (name: string, metadata: object): Promise<void> =>
  stage.kube.api.patchAs(`/api/v1/namespaces/${name}`, { metadata });

/** A Deployment without annotations, and a Service of the same name in front of it. */
async function silentApp(ns: Namespace, name: string, replicas = 2): Promise<void> {
  await ns.deploy({ name, replicas });
  await ns.addService(name, {}, { app: name });
}

/** Waits until something that is registered after them shows that those before it were looked at. */
async function looked(ns: Namespace, name: string): Promise<void> {
  await silentApp(ns, name, 1);
  await stage.allPassing(name, 1);
}

suite('sync.default: services', () => {
  test('a Service without annotations comes with its readiness, by its first port, and goes', async () => {
    const ns = await namespace('shop', { consul: 'yes' });
    await silentApp(ns, 'cart');
    const entries = await stage.allPassing('cart', 2);
    assert.deepEqual(
      entries.map(({ Service }) => [Service.Port, Service.Meta['kube-by-default']]),
      Array(2).fill([8080, 'true']),
    );
    await ns.scale('cart', 3);
    await stage.allPassing('cart', 3);
    await stage.kube.api.delete(`${ns.servicesPath}/cart`);
    await stage.gone('cart');
    // Of the API server itself nothing is registered, although its namespace is the default one.
    await patch('default', { labels: { consul: 'yes' } });
    await looked(ns, 'later');
    assert.deepEqual(await stage.instances('kubernetes'), []);
    await patch('default', { labels: { consul: null } });
  });

  test('service: "false" takes one out, and its removal brings it back', async () => {
    const ns = stage.known('shop');
    await silentApp(ns, 'search');
    await stage.allPassing('search', 2);
    const path = `${ns.servicesPath}/search`;
    await stage.kube.api.patchAs(path, { metadata: { annotations: annotations({ service: 'false' }) } });
    await stage.gone('search');
    await stage.kube.api.patchAs(path, { metadata: { annotations: annotations({ service: null }) } });
    await stage.allPassing('search', 2);
  });

  test('a pod and its Service that both ask for a name register it once', async () => {
    const ns = stage.known('shop');
    await ns.deploy({
      name: 'both',
      replicas: 2,
      annotations: { service: 'both', port: 'http', tags: 'pod' },
    });
    await ns.addService('both', {}, { app: 'both' });
    await stage.allPassing('both', 2);
    await looked(ns, 'after-both');
    const entries = await stage.allPassing('both', 2);
    assert.ok(entries.every(({ Service }) => Service.Tags?.join() === 'pod'));
  });

  test('a namespace is followed as its label comes and goes, annotated objects included', async () => {
    const ns = await namespace('followed');
    await silentApp(ns, 'silent');
    await ns.deploy({ name: 'loud', replicas: 2, annotations: { service: 'loud', port: 'http' } });
    await looked(stage.known('shop'), 'meanwhile');
    assert.deepEqual(await stage.instances('silent'), []);
    assert.deepEqual(await stage.instances('loud'), []);
    await patch('followed', { labels: { consul: 'yes' } });
    await Promise.all([stage.allPassing('silent', 2), stage.allPassing('loud', 2)]);
    await patch('followed', { labels: { consul: null } });
    await Promise.all([stage.gone('silent'), stage.gone('loud')]);
    const [gone] = stage.operator.logs('Deregistered').filter(({ service }) => service === 'loud');
    assert.equal(gone?.['because'], 'withdrawn');
  });

  test('the annotations of a Namespace are defaults, and a mistake in them is an Event there', async () => {
    const ns = await namespace('tagged', { consul: 'yes' });
    await patch('tagged', {
      annotations: annotations({ tags: 'of-namespace', 'meta.team': 'blue', drain: 'warning' }),
    });
    await silentApp(ns, 'defaulted');
    await ns.deploy({
      name: 'own',
      replicas: 1,
      annotations: { service: 'own', port: 'http', tags: 'mine' },
    });
    const [one] = await stage.allPassing('defaulted', 2);
    assert.deepEqual([one?.Service.Tags, one?.Service.Meta['team']], [['of-namespace'], 'blue']);
    const [own] = await stage.allPassing('own', 1);
    assert.deepEqual([own?.Service.Tags, own?.Service.Meta['team']], [['mine'], 'blue']);
    await patch('tagged', { annotations: annotations({ tags: 'changed' }) });
    await stage.eventually('the new default is there', async () => {
      const entries = await stage.instances('defaulted');
      assert.ok(entries.every(({ Service }) => Service.Tags?.join() === 'changed'));
    });
    await stage.eventually('the Namespace is told', async () => {
      const { items } = await stage.kube.api.get<KubeList<RawEvent>>(
        '/apis/events.k8s.io/v1/namespaces/default/events',
      );
      const notes = items.filter(({ regarding }) => regarding.kind === 'Namespace').map(({ note }) => note);
      assert.ok(notes.some((note) => /"drain" has no effect on a Namespace/.test(note)));
    });
  });

  test('a selector with a mistake in it empties nothing at the next start', async () => {
    const ns = await namespace('many', { consul: 'yes' });
    await silentApp(ns, 'crowd', 30);
    await stage.allPassing('crowd', 30);
    await stage.operator.stop();
    const slow = { guard: { confirm: '10m', maxHold: '10m', settle: '200ms' } };
    stage.operator.reconfigure({
      ...slow,
      sync: { ...selecting, namespaces: { selector: 'consul=yse' } },
    });
    await stage.operator.start();
    await stage.operator.ready();
    await stage.eventually('all of it is held', async () => {
      const { held } = await stage.operator.status();
      assert.ok(held.filter(({ service }) => service === 'crowd').length === 30);
    });
    await stage.allPassing('crowd', 30);
    await stage.operator.stop();
    stage.operator.reconfigure({ ...slow, sync: selecting });
    await stage.operator.start();
    await stage.operator.ready();
    await stage.allPassing('crowd', 30);
    assert.deepEqual((await stage.operator.status()).held, []);
  });

  test('without the right to read Namespaces everything stays as it is', async () => {
    const role = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kube-registrar-namespaces';
    await stage.operator.stop();
    const binding = await stage.kube.api.get<{ metadata: object; roleRef: object; subjects: object }>(role);
    await stage.kube.api.delete(role);
    await stage.operator.start();
    await stage.operator.ready();
    await stage.eventually('it says what it may not read', async () => {
      const { degraded } = await stage.operator.status();
      assert.ok(degraded.some((text) => text.startsWith('namespaces: may not be read')));
    });
    await stage.known('many').scale('crowd', 29);
    await stage.allPassing('crowd', 29);
    const { roleRef, subjects } = binding;
    await stage.kube.api.post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'kube-registrar-namespaces' },
      roleRef,
      subjects,
    });
    await stage.known('many').scale('crowd', 31);
    await stage.allPassing('crowd', 31);
  });
});

suite('sync.default: pods', () => {
  test('pods come under the name of their workload, outside the namespaces of the system', async () => {
    await stage.operator.stop();
    stage.operator.reconfigure({
      sync: { default: 'pods', namespaces: { exclude: ['kube-*', 'shop', 'many', 'tagged', 'followed'] } },
    });
    await stage.operator.start();
    const ns = await stage.namespace('pods');
    const system = stage.known('kube-system');
    await system.deploy({ name: 'hidden', replicas: 1 });
    await ns.deploy({ name: 'worker', replicas: 2 });
    await ns.deploy({ name: 'labelled', replicas: 1, labels: { 'app.kubernetes.io/name': 'front' } });
    await ns.deploy({ name: 'quiet', replicas: 1, annotations: { service: 'false' } });
    await stage.kube.api.post(`/apis/batch/v1/namespaces/${ns.name}/jobs`, {
      metadata: { name: 'migration' },
      spec: {
        template: {
          spec: {
            restartPolicy: 'Never',
            containers: [{ name: 'main', image: 'main', ports: [{ containerPort: 8080 }] }],
          },
        },
      },
    });
    await Promise.all([stage.allPassing('worker', 2), stage.allPassing('front', 1)]);
    // An annotated Service in front says more of the name.
    await ns.addService('worker', { service: 'true', port: 'web', tags: 'of-service' }, { app: 'worker' });
    await stage.eventually('the Service has the name', async () => {
      const entries = await stage.allPassing('worker', 2);
      assert.ok(entries.every(({ Service }) => Service.Tags?.join() === 'of-service'));
    });
    for (const name of ['hidden', 'quiet', 'migration'])
      assert.deepEqual(await stage.instances(name), [], name);
  });
});

interface RawEvent extends KubeObject {
  readonly regarding: { readonly kind: string };
  readonly note: string;
}
