/** Names, tags and meta by rule, and every port at once, on a real API server with its controllers, and a real Consul. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Stage, startStage } from '../support/real/stage.ts';
import type { Namespace } from '../support/real/workloads.ts';

let stage: Stage;
let shop: Namespace;

before(async () => {
  stage = await startStage({
    config: {
      naming: { template: '{namespace}-{name}' },
      baseTags: ['kubernetes', 'in-{node.zone}'],
      labels: {
        toTags: [
          { label: 'track', tag: '{value}' },
          { label: 'shop.example/*', tag: '{name}={value}' },
        ],
        toMeta: [
          { label: 'team', key: 'owner' },
          { label: 'app', key: 'app' },
        ],
      },
      tagRules: [{ namespaces: ['shop'], deny: ['prod*'] }],
      metaRules: [{ namespaces: ['other'], deny: ['owner'] }],
      claims: [{ namespaces: ['shop'], services: ['shop-*'] }],
    },
  });
  shop = await stage.namespace('shop');
});

after(() => stage?.[Symbol.asyncDispose]());

const labelService = (ns: Namespace, name: string, labels: Readonly<Record<string, string | null>>) =>
  stage.kube.api.patchAs(`${ns.servicesPath}/${name}`, { metadata: { labels } });

suite('rules for tags and meta', () => {
  test('labels of a pod become tags and meta, and follow as they change', async () => {
    const labels = { track: 'canary', 'shop.example/tier': 'front', team: 'pay' };
    await shop.deploy({ name: 'web', replicas: 3, labels, annotations: { service: 'web', port: 'http' } });
    const entries = await stage.allPassing('web', 3);
    for (const { Service } of entries) {
      const zone = Service.Meta['kube-zone'];
      assert.match(zone ?? '', /^zone-[abc]$/);
      assert.deepEqual(Service.Tags, ['canary', `in-${zone}`, 'kubernetes', 'tier=front']);
      assert.deepEqual([Service.Meta['owner'], Service.Meta['app']], ['pay', 'web']);
    }
    const [pod] = await shop.pods();
    const path = `${shop.podsPath}/${pod!.metadata.name}`;
    await stage.kube.api.patchAs(path, { metadata: { labels: { track: 'stable', team: null } } });
    await stage.eventually('the labels are followed', async () => {
      const found = (await stage.instances('web')).find(
        ({ Service }) => Service.Meta['kube-pod'] === pod!.metadata.name,
      );
      assert.ok(found?.Service.Tags?.includes('stable'));
      assert.equal(found?.Service.Meta['owner'], undefined);
    });
  });

  test('what is denied is left out and said, and annotations win', async () => {
    await shop.deploy({
      name: 'api',
      replicas: 1,
      labels: { track: 'prod-1', team: 'label' },
      annotations: { service: 'api', port: 'http', tags: 'own', 'meta.owner': 'annotation' },
    });
    const [entry] = await stage.allPassing('api', 1);
    assert.deepEqual(
      entry?.Service.Tags?.filter((tag) => !tag.startsWith('in-')),
      ['kubernetes', 'own'],
    );
    assert.equal(entry?.Service.Meta['owner'], 'annotation');
    await stage.eventually('the warning is logged', async () =>
      assert.ok(
        stage.operator
          .logs('AnnotationDenied')
          .some(({ msg }) => /tag "prod-1" of label "track" is left out/.test(String(msg))),
      ),
    );
  });

  test('nothing is written again once it is there', async () => {
    await stage.allPassing('api', 1);
    const before = stage.operator.logs('Drift').length;
    const [entry] = await stage.instances('api');
    await shop.addPod('settled', { service: 'settled', port: 'http' });
    await stage.allPassing('settled', 1);
    const [same] = await stage.instances('api');
    assert.equal(same?.Service.ModifyIndex, entry?.Service.ModifyIndex);
    assert.equal(stage.operator.logs('Drift').length, before);
  });
});

suite('rules for names, and every port', () => {
  test('a Service without a name of its own gets that of the template, at every port', async () => {
    await shop.deploy({ name: 'cart', replicas: 2, labels: { track: 'a', team: 'pods' } });
    await shop.addService('cart', { service: 'true', port: '*' }, { app: 'cart' });
    const web = await stage.allPassing('shop-cart-web', 2);
    const admin = await stage.allPassing('shop-cart-admin', 2);
    assert.deepEqual(new Set(web.map(({ Service }) => Service.Port)), new Set([8080]));
    assert.deepEqual(new Set(admin.map(({ Service }) => Service.Port)), new Set([9090]));
    assert.equal(web[0]?.Service.Meta['owner'], 'pods');
    assert.deepEqual(await stage.instances('shop-cart'), []);

    await labelService(shop, 'cart', { team: 'service' });
    await stage.eventually('the label of the Service wins', async () => {
      for (const { Service } of [...(await stage.instances('shop-cart-web'))])
        assert.equal(Service.Meta['owner'], 'service');
    });
    await labelService(shop, 'cart', { team: null });
    await stage.eventually('the labels of the pods count again', async () => {
      for (const { Service } of [...(await stage.instances('shop-cart-web'))])
        assert.equal(Service.Meta['owner'], 'pods');
    });
  });

  test('a mistake keeps every port registered, and a port that is taken away goes', async () => {
    const annotate = (fields: Readonly<Record<string, string | null>>) =>
      stage.kube.api.patchAs(`${shop.servicesPath}/cart`, {
        metadata: {
          annotations: Object.fromEntries(
            Object.entries(fields).map(([name, value]) => [`kube-registrar.io/${name}`, value]),
          ),
        },
      });
    await annotate({ port: '**', weight: '7' });
    await stage.eventually('the mistake is logged', async () =>
      assert.ok(stage.operator.logs('InvalidAnnotation').some(({ msg }) => String(msg).includes('"**"'))),
    );
    await stage.allPassing('shop-cart-web', 2);
    await stage.allPassing('shop-cart-admin', 2);
    await annotate({ port: 'admin' });
    const [one] = await stage.allPassing('shop-cart', 2);
    assert.equal(one?.Service.Weights.Passing, 7);
    await Promise.all([stage.gone('shop-cart-web'), stage.gone('shop-cart-admin')]);
  });

  test('a pod registers every port, and its container ports by name', async () => {
    await shop.addPod('many', { service: 'many', port: '*' });
    await stage.allPassing('many-http', 1);
    await stage.allPassing('many-admin', 1);
    await shop.deletePod('many');
    await Promise.all([stage.gone('many-http'), stage.gone('many-admin')]);
  });

  test('claims hold for the name that the template makes, and a name that is too long is refused', async () => {
    const other = await stage.namespace('other');
    await other.deploy({ name: 'x', replicas: 1 });
    const long = 'l'.repeat(60);
    await other.addService(long, { service: 'true', port: 'web' }, { app: 'x' });
    await other.addService('fine', { service: 'true', port: 'web' }, { app: 'x' });
    await other.addService('thief', { service: 'shop-cart', port: 'web' }, { app: 'x' });
    await stage.allPassing('other-fine', 1);
    await stage.eventually('both are refused', async () => {
      const said = ['InvalidAnnotation', 'ServiceNameDenied'].flatMap((reason) =>
        stage.operator.logs(reason).map(({ msg }) => String(msg)),
      );
      assert.ok(
        said.some((msg) => msg.includes('by naming.template "{namespace}-{name}"') && msg.includes('66')),
      );
      assert.ok(said.some((msg) => msg.includes('service "shop-cart" is claimed by')));
    });
    const entries = await stage.instances('shop-cart');
    assert.ok(entries.every(({ Service }) => Service.Meta['kube-namespace'] === 'shop'));
  });
});
