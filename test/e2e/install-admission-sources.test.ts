/**
 * The chart's admission policies for Ingresses and routes, and for the annotation `address`, on a real API server with
 * the published custom resources of the Gateway API.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { checkManifest } from '../../src/cli/validate/check-manifest.ts';
import { readManifests } from '../../src/cli/validate/manifests.ts';
import { annotationExamples } from '../support/annotation-examples.ts';
import { eventually } from '../support/eventually.ts';
import { admission, installPolicy, warningsAt } from '../support/real/admission.ts';
import { HttpError } from '../support/real/http.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { annotations } from '../support/real/workloads.ts';
import { ingressObject, routeObject } from '../support/route-objects.ts';

const patience = { timeoutMs: 60_000 };
const prefix = 'kube-registrar.io/';
const crdsFile = new URL('../support/real/gateway-api/crds.yaml', import.meta.url);
const gatewayApi = '/apis/gateway.networking.k8s.io/v1';

const kinds = ['Ingress', 'HTTPRoute', 'GRPCRoute', 'TLSRoute'] as const;
type Kind = (typeof kinds)[number] | 'Service' | 'Pod';
type Fields = Readonly<Record<string, string>>;

const paths: Readonly<Record<Kind, string>> = {
  Pod: '/api/v1/namespaces/@/pods',
  Service: '/api/v1/namespaces/@/services',
  Ingress: '/apis/networking.k8s.io/v1/namespaces/@/ingresses',
  HTTPRoute: `${gatewayApi}/namespaces/@/httproutes`,
  GRPCRoute: `${gatewayApi}/namespaces/@/grpcroutes`,
  TLSRoute: `${gatewayApi}/namespaces/@/tlsroutes`,
};

let kube: Kube;

before(async () => {
  kube = await startKube();
  for (const document of parseAllDocuments(readFileSync(crdsFile, 'utf8')))
    await kube.api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', document.toJS());
  for (const name of ['warned', 'denied', 'plain'])
    await kube.api.post('/api/v1/namespaces', { metadata: { name } });
  for (const kind of kinds) {
    await eventually(() => post('plain', kind, { service: 'web' }), {
      ...patience,
      what: `${kind} is served`,
    });
  }
  const sources = 'config.sync.sources={ingresses,gateways}';
  await install('warned', '--set', sources);
  await install('denied', '--set', `${sources},admissionPolicy.action=Deny,fullnameOverride=strict`);
  // Without sources: policies for pods and Services only.
  await install('plain', '--set', 'fullnameOverride=plain');
  for (const kind of [...kinds, 'Service', 'Pod'] as const) {
    await eventually(
      async () => {
        assert.notDeepEqual(await post('warned', kind, { service: 'a_b' }), []);
        assert.notDeepEqual(await post('warned', kind, { service: 'web', tag: 'a' }), []);
        await assert.rejects(post('denied', kind, { service: 'a_b' }), HttpError);
        const other = kind === 'Service' || kind === 'Pod' ? kind : 'Service';
        assert.notDeepEqual(await post('plain', other, { service: 'a_b' }), []);
      },
      { ...patience, what: `the policies for a ${kind} are at work` },
    );
  }
});

after(() => kube?.stop());

/** The policies of the chart with these values, for one namespace. */
async function install(namespace: string, ...args: readonly string[]): Promise<void> {
  for (const object of await admission(...args)) await installPolicy(kube.api, object, namespace);
}

function objectOf(kind: Kind, fields: Fields): object {
  const named = { name: 'web', namespace: 'warned', annotations: annotations(fields) };
  switch (kind) {
    case 'Pod':
      return {
        apiVersion: 'v1',
        kind,
        metadata: named,
        spec: { containers: [{ name: 'main', image: 'main' }] },
      };
    case 'Service':
      return { apiVersion: 'v1', kind, metadata: named, spec: { ports: [{ name: 'http', port: 80 }] } };
    case 'Ingress': {
      const object = ingressObject({}, { tls: true });
      return { ...object, metadata: named };
    }
    default: {
      const object = routeObject({}, { kind });
      return { ...object, metadata: named };
    }
  }
}

/** What the API server says beside its answer to a dry run. Rejects when it refuses the object. */
async function post(namespace: string, kind: Kind, fields: Fields): Promise<string[]> {
  const object = objectOf(kind, fields) as { metadata: object };
  const path = paths[kind].replace('@', namespace);
  return warningsAt(kube.api, path, { ...object, metadata: { ...object.metadata, namespace } });
}

/** What the operator says of the same object: fields of its mistakes and warnings. */
function fieldsOfOperator(kind: Kind, fields: Fields): string[] {
  const { manifests } = readManifests(JSON.stringify(objectOf(kind, fields)));
  const [manifest] = manifests;
  assert.ok(manifest !== undefined);
  return (checkManifest(manifest, { prefix }) ?? []).map(({ field }) => field);
}

suite('of Ingresses and routes, the API server', () => {
  for (const kind of kinds) {
    test(`says of an object of kind ${kind} nothing that the operator does not say, and sees what is wrong in form`, async () => {
      let seen = 0;
      for (const { title, annotations: fields } of annotationExamples) {
        const said = await post('warned', kind, fields);
        const own = fieldsOfOperator(kind, fields);
        if (said.length > 0) {
          seen += 1;
          assert.notDeepEqual(own, [], `${title} on a ${kind}: ${said}`);
        }
      }
      assert.ok(seen > 50, `${seen} of ${annotationExamples.length} examples are wrong`);
    });

    test(`takes "true" as the name of an object of kind ${kind}, and warns of what is wrong, with the value`, async () => {
      for (const fields of [
        { service: 'true', port: 'https', tags: 'a,b', 'meta.team': 'x' },
        { service: 'web', address: 'load-balancer', drain: 'warning' },
        { service: 'web', address: 'auto', port: '443' },
        { service: 'false', port: 'a b' },
      ] satisfies Fields[]) {
        assert.deepEqual(await post('warned', kind, fields), [], JSON.stringify(fields));
      }
      const rows: readonly (readonly [Fields, RegExp])[] = [
        [{ service: 'a_b' }, /kube-registrar\.io\/service: \\"a_b\\" is not a name usable in DNS/],
        [
          { service: 'web', port: '99999' },
          /kube-registrar\.io\/port: \\"99999\\" is neither the name of a port nor/,
        ],
        [{ service: 'web', weight: '0' }, /kube-registrar\.io\/weight: \\"0\\" is not a whole number/],
        [
          { service: 'web', address: 'load-balancr' },
          /kube-registrar\.io\/address: \\"load-balancr\\" is not one of/,
        ],
        [{ service: 'web', drain: 'slowly' }, /kube-registrar\.io\/drain: \\"slowly\\" is not one of/],
        [{ service: 'web', tag: 'a' }, /kube-registrar\.io\/tag: unknown/],
      ];
      for (const [fields, expected] of rows)
        assert.match((await post('warned', kind, fields)).join('\n'), expected);
    });

    test(`with action Deny, refuses a wrong object of kind ${kind} and takes a right or doubtful one`, async () => {
      await assert.rejects(post('denied', kind, { service: 'web', port: '0' }), (error: HttpError) => {
        assert.equal(error.status, 422);
        assert.match(error.body, /kube-registrar\.io\/port: .*0.* is neither/);
        return true;
      });
      assert.deepEqual(await post('denied', kind, { service: 'web', port: 'https' }), []);
      assert.notDeepEqual(await post('denied', kind, { service: 'web', tag: 'a' }), []);
    });

    test(`says nothing of an object of kind ${kind} where sync.sources does not name it`, async () => {
      assert.deepEqual(await post('plain', kind, { service: 'a_b' }), []);
    });
  }
});

suite('of the annotation address, the API server', () => {
  const onPods = ['pod', 'host', 'node-external'];
  const onServices = [...onPods, 'load-balancer', 'node-port', 'external-ips', 'cluster-ip', 'auto'];
  const written = ['203.0.113.7', '2001:db8::7', 'lb.example.com', 'a_b.example'];
  const wrong = [
    'load-balancr',
    'LoadBalancer',
    'lb',
    'node',
    'a b.c',
    '10.0.0.1/8',
    'http://a.b',
    '[::1]:80',
  ];

  test('takes on a Service each way and an address or name, and on a pod its own', async () => {
    for (const address of [...onServices, ...written])
      assert.deepEqual(await post('denied', 'Service', { service: 'web', address }), [], address);
    for (const address of onPods)
      assert.deepEqual(await post('denied', 'Pod', { service: 'web', address }), [], address);
    const node = { address: 'node-port', 'node-port': 'nodes', 'node-address': 'external-first' };
    assert.deepEqual(await post('denied', 'Service', { service: 'web', ...node }), []);
  });

  test('refuses what is neither, and what only Services have, with the words', async () => {
    const refuses = (kind: Kind, fields: Fields, expected: RegExp) =>
      assert.rejects(post('denied', kind, { service: 'web', ...fields }), (error: HttpError) => {
        assert.equal(error.status, 422, `${kind} ${JSON.stringify(fields)}`);
        assert.match(error.body, expected);
        return true;
      });
    for (const address of wrong) {
      await refuses(
        'Service',
        { address },
        /kube-registrar\.io\/address: .* is not one of pod, host, node-external, nor on a Service/,
      );
    }
    for (const address of ['load-balancer', 'auto', ...written])
      await refuses('Pod', { address }, /kube-registrar\.io\/address: .* is not one of/);
    await refuses('Service', { 'node-port': 'all' }, /kube-registrar\.io\/node-port: .*all.* is not one of/);
    await refuses(
      'Service',
      { 'node-address': 'ExternalIP' },
      /kube-registrar\.io\/node-address: .* is not one of/,
    );
  });
});
