/**
 * Ingresses and the Gateway API as sources, on the real API server with the published custom resources. Their statuses
 * are written as a controller would. The stages build on each other: rights and resources come while the operator runs.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { type HealthEntry, isPassing, readiness } from '../support/real/consul-reads.ts';
import type { KubeObject } from '../support/real/kube-api.ts';
import { installRbac } from '../support/real/operator.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import {
  condition,
  gatewayObject,
  gatewayStatus,
  ingressObject,
  ingressStatus,
  type ParentRef,
  routeObject,
  routeStatus,
} from '../support/route-objects.ts';

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const crdsFile = new URL('../support/real/gateway-api/crds.yaml', import.meta.url);
const group = '/apis/gateway.networking.k8s.io/v1';

let stage: Stage;

before(async () => {
  stage = await startStage({
    sync: { sources: ['ingresses', 'gateways'], namespaces: { exclude: ['hidden'] } },
    config: {
      labels: { toTags: [{ label: 'tier', tag: '{value}' }], toMeta: [{ label: 'team', key: 'owner' }] },
    },
    // Rights for the Gateway API come later.
    components: ['ingresses'],
    guard: { settle: '2s' },
  });
  for (const name of ['shop', 'infra', 'hidden']) await stage.namespace(name);
});

after(() => stage?.[Symbol.asyncDispose]());

const ingresses = (namespace: string) => `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses`;
const gateways = '/namespaces/infra/gateways';

const addIngress = (name: string, fields: Record<string, string>, tls = false) =>
  stage.kube.api.post(ingresses('shop'), ingressObject(fields, { name, namespace: 'shop', tls }));

/** As a controller does. */
const writeStatus = (path: string, status: object) =>
  stage.kube.api.patchAs(`${path}/status`, { status }, 'merge');

const provide = (name: string, ...addresses: string[]) =>
  writeStatus(`${ingresses('shop')}/${name}`, ingressStatus(...addresses));

const addressOf = ({ Service }: HealthEntry): string => `${Service.Address}:${Service.Port}`;

/** Waits until consumers find exactly these. */
const found = (service: string, ...expected: string[]) =>
  stage.eventually(`${service} is at ${expected.join(', ') || 'no address'}`, async () => {
    const entries = await stage.instances(service);
    assert.deepEqual(entries.filter(isPassing).map(addressOf).sort(), [...expected].sort());
    assert.equal(entries.length, expected.length);
    return entries;
  });

/** Waits until the owners of the object are told so. */
const told = (kind: string, name: string, pattern: RegExp) =>
  stage.eventually(`${kind} ${name} is told ${pattern}`, async () => {
    const { items } = await stage.kube.api.get<{ items: (KubeObject & Note)[] }>(
      '/apis/events.k8s.io/v1/namespaces/shop/events',
    );
    const notes = items.filter(({ regarding }) => regarding.kind === kind && regarding.name === name);
    assert.match(notes.map(({ note }) => note).join('\n'), pattern);
  });

interface Note {
  readonly regarding: { readonly kind: string; readonly name: string };
  readonly note: string;
}

const explain = (object: string, namespace: string) =>
  promisify(execFile)(process.execPath, [
    ...[program, 'explain', object, '-n', namespace],
    ...['--config', stage.operator.configFile],
  ]);

async function reflectorState(resource: string): Promise<string | undefined> {
  const { reflectors } = await stage.operator.status();
  return reflectors.find((line) => line.resource === resource)?.state;
}

suite('an Ingress', () => {
  test('comes with the address of its status, changes with it, and goes with the Ingress', async () => {
    await addIngress('front', { service: 'true' });
    await told('Ingress', 'front', /no address yet/);
    assert.deepEqual(await stage.instances('front'), []);
    await provide('front', '203.0.113.7', 'lb-1.example.com');
    const [first] = await found('front', '203.0.113.7:80', 'lb-1.example.com:80');
    assert.equal(first!.Node.Node, 'prod-endpoints');
    assert.equal(first!.Service.Meta['kube-route'], 'Ingress/front');
    assert.equal(first!.Service.Meta['kube-hosts'], 'shop.example');
    assert.equal(first!.Service.Meta['kube-paths'], '/');
    await told('Ingress', 'front', /Registered in Consul as service "front"/);
    await provide('front', '203.0.113.8');
    await found('front', '203.0.113.8:80');
    const { stdout } = await explain('ingress/front', 'shop');
    assert.match(stdout, /front 203\.0\.113\.8:80 on node prod-endpoints: registered as wanted/);
    await stage.kube.api.delete(`${ingresses('shop')}/front`);
    await stage.gone('front');
    const lines = stage.operator.logs('Deregistered').filter(({ service }) => service === 'front');
    assert.ok(lines.length > 0);
  });

  test('is reached at port 443 with TLS, follows its annotations, and is named when they are wrong', async () => {
    await addIngress('secure', { service: 'secure' }, true);
    await provide('secure', '203.0.113.20');
    await found('secure', '203.0.113.20:443');
    const annotate = (fields: Record<string, string | null>) =>
      stage.kube.api.patchAs(
        `${ingresses('shop')}/secure`,
        {
          metadata: {
            annotations: Object.fromEntries(
              Object.entries(fields).map(([key, value]) => [`kube-registrar.io/${key}`, value]),
            ),
          },
        },
        'merge',
      );
    await annotate({ port: 'htps' });
    await told('Ingress', 'secure', /port "htps" is not one by which it is reached; did you mean "https"\?/);
    await found('secure', '203.0.113.20:443');
    await annotate({ port: 'http' });
    await found('secure', '203.0.113.20:80');
    await annotate({ service: null, port: null });
    await stage.gone('secure');
  });

  test('has tags and meta of its labels, follows them, and is not registered in an excluded namespace', async () => {
    const hidden = ingressObject({ service: 'labelled' }, { name: 'labelled', namespace: 'hidden' });
    await stage.kube.api.post(ingresses('hidden'), hidden);
    await writeStatus(`${ingresses('hidden')}/labelled`, ingressStatus('203.0.113.51'));
    const object = ingressObject({ service: 'labelled' }, { name: 'labelled', namespace: 'shop' });
    const metadata = { ...object.metadata, labels: { tier: 'front', team: 'pay', other: 'x' } };
    await stage.kube.api.post(ingresses('shop'), { ...object, metadata });
    await provide('labelled', '203.0.113.50');
    const [entry] = await found('labelled', '203.0.113.50:80');
    assert.deepEqual([entry!.Service.Tags, entry!.Service.Meta['owner']], [['front'], 'pay']);
    const labels = { tier: 'back', team: null };
    await stage.kube.api.patchAs(`${ingresses('shop')}/labelled`, { metadata: { labels } }, 'merge');
    await stage.eventually('the labels are followed', async () => {
      const [now] = await stage.instances('labelled');
      assert.deepEqual([now?.Service.Tags, now?.Service.Meta['owner']], [['back'], undefined]);
    });
    const { stdout } = await explain('ingress/labelled', 'hidden');
    assert.match(stdout, /nothing in namespace hidden is registered: sync\.namespaces\.exclude names it/);
    await found('labelled', '203.0.113.50:80');
    await stage.kube.api.delete(`${ingresses('shop')}/labelled`);
    await stage.gone('labelled');
  });

  test('stays when a controller clears the status of many at once', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `many-${index}`);
    await Promise.all(names.map((name) => addIngress(name, { service: name })));
    await Promise.all(names.map((name, index) => provide(name, `203.0.113.${100 + index}`)));
    for (const [index, name] of names.entries()) await found(name, `203.0.113.${100 + index}:80`);
    await Promise.all(
      names.map((name) => writeStatus(`${ingresses('shop')}/${name}`, { loadBalancer: null })),
    );
    await stage.eventually('all are held', async () => {
      const { held } = await stage.operator.status();
      assert.equal(held.filter(({ by, because }) => by === 'guard' && because === 'limit').length, 12);
    });
    for (const [index, name] of names.entries()) await found(name, `203.0.113.${100 + index}:80`);
    await Promise.all(names.map((name, index) => provide(name, `203.0.113.${100 + index}`)));
    await stage.eventually('nothing is held', async () =>
      assert.deepEqual((await stage.operator.status()).held, []),
    );
  });
});

suite('the Gateway API', () => {
  const addGateway = async (name: string, parts: Parameters<typeof gatewayObject>[0] = {}) => {
    await stage.kube.api.post(group + gateways, gatewayObject({ name, namespace: 'infra', ...parts }));
  };
  const provideGateway = (name: string, ...status: Parameters<typeof gatewayStatus>) =>
    writeStatus(`${group}${gateways}/${name}`, gatewayStatus(...status));
  const routesOf = (kind: string) => `${group}/namespaces/shop/${kind.toLowerCase()}s`;
  const addRoute = (name: string, parts: Parameters<typeof routeObject>[1] = {}) =>
    stage.kube.api.post(
      routesOf(parts.kind ?? 'HTTPRoute'),
      routeObject(
        { service: 'true' },
        { name, namespace: 'shop', parents: [{ name: 'edge', namespace: 'infra' }], ...parts },
      ),
    );
  const judge = (
    name: string,
    kind = 'HTTPRoute',
    accepted?: ReturnType<typeof condition>,
    parents?: ParentRef[],
  ) =>
    writeStatus(
      `${routesOf(kind)}/${name}`,
      routeStatus(parents ?? [{ name: 'edge', namespace: 'infra' }], accepted),
    );

  test('is reported while it may not be read, which hurts nothing else', async () => {
    await stage.eventually('it is said', async () =>
      assert.equal(await reflectorState('gateways'), 'refused'),
    );
    const { degraded } = await stage.operator.status();
    assert.match(degraded.join('\n'), /gateways: may not be read/);
    await addIngress('beside', { service: 'beside' });
    await provide('beside', '203.0.113.30');
    await found('beside', '203.0.113.30:80');
  });

  test('is no error while it is not installed, and is found when it is', async () => {
    await installRbac(stage.kube, ['ingresses', 'gateways']);
    const resources = ['gateways', 'httproutes', 'grpcroutes', 'tlsroutes'];
    const allAre = (state: string) =>
      stage.eventually(`all are ${state}`, async () => {
        for (const resource of resources) assert.equal(await reflectorState(resource), state, resource);
      });
    await allAre('not-installed');
    assert.deepEqual((await stage.operator.status()).degraded, []);
    for (const document of parseAllDocuments(readFileSync(crdsFile, 'utf8'))) {
      await stage.kube.api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', document.toJS());
    }
    await allAre('watching');
  });

  test('a route comes when its Gateway has accepted it, follows the Gateway, and goes with it', async () => {
    await addGateway('edge');
    await addRoute('cart');
    await told('HTTPRoute', 'cart', /Gateway infra\/edge has not accepted it/);
    await judge('cart');
    await told('HTTPRoute', 'cart', /Gateway infra\/edge has no address in its status yet/);
    await provideGateway('edge', ['203.0.113.40']);
    const [first] = await found('cart', '203.0.113.40:443');
    assert.equal(first!.Service.Meta['kube-gateway'], 'infra/edge');
    assert.equal(first!.Service.Meta['kube-hosts'], 'shop.example');
    assert.equal(first!.Service.Meta['kube-paths'], '/cart');

    await provideGateway(
      'edge',
      ['203.0.113.40'],
      condition('Programmed', 'False', 'Pending', 'no data plane'),
    );
    await stage.eventually('it is critical', async () => {
      const [entry] = await stage.instances('cart');
      assert.equal(readiness(entry!)?.Status, 'critical');
      assert.match(readiness(entry!)?.Output ?? '', /not programmed: Pending: no data plane/);
    });
    await provideGateway('edge', ['203.0.113.41']);
    await found('cart', '203.0.113.41:443');
    const { stdout } = await explain('gateway/edge', 'infra');
    assert.match(stdout, /cart 203\.0\.113\.41:443 on node prod-endpoints: registered as wanted/);
    await stage.kube.api.delete(`${routesOf('HTTPRoute')}/cart`);
    await stage.gone('cart');
  });

  test('a route that is accepted no more goes, and so do those of a Gateway that is deleted', async () => {
    await addRoute('judged');
    await judge('judged');
    await found('judged', '203.0.113.41:443');
    await judge(
      'judged',
      'HTTPRoute',
      condition('Accepted', 'False', 'NotAllowedByListeners', 'wrong namespace'),
    );
    await stage.gone('judged');
    await told('HTTPRoute', 'judged', /has not accepted it \(NotAllowedByListeners: wrong namespace\)/);
    await addGateway('short-lived');
    await provideGateway('short-lived', ['203.0.113.50']);
    const parents = [{ name: 'short-lived', namespace: 'infra' }];
    await addRoute('bound', { parents });
    await judge('bound', 'HTTPRoute', undefined, parents);
    await found('bound', '203.0.113.50:443');
    await stage.kube.api.delete(`${group}${gateways}/short-lived`);
    await stage.gone('bound');
    const [line] = stage.operator.logs('Deregistered').filter(({ service }) => service === 'bound');
    assert.equal(line?.['because'], 'gateway-deleted');
  });

  test('GRPCRoutes and TLSRoutes are registered by the listeners that are for them', async () => {
    const passthrough = [{ name: 'passthrough', port: 8443, protocol: 'TLS' }];
    await addGateway('tls', { listeners: passthrough });
    await provideGateway('tls', ['lb-2.example.com'], undefined, passthrough);
    await addRoute('rpc', { kind: 'GRPCRoute' });
    await judge('rpc', 'GRPCRoute');
    await found('rpc', '203.0.113.41:443');
    const parents = [{ name: 'tls', namespace: 'infra' }];
    await addRoute('ledger', { kind: 'TLSRoute', parents });
    await judge('ledger', 'TLSRoute', undefined, parents);
    await found('ledger', 'lb-2.example.com:8443');
  });
});
