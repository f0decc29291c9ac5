/**
 * The Jobs of the chart, as applied by the real helm and run to their end: `helm test` says what is wrong with an
 * installation, and the clean-up after `helm uninstall` leaves nothing of this cluster's and everything of others'.
 * Consul denies by default.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { instances, isPassing } from '../support/real/consul-reads.ts';
import { root } from '../support/real/helm.ts';
import { type ImageProcess, imageUnavailable } from '../support/real/image.ts';
import { JobRunner, reachableKubelets } from '../support/real/job-runner.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import type { KubeList, KubeObject } from '../support/real/kube-api.ts';
import { startKubelet } from '../support/real/kubelet.ts';
import { freePorts } from '../support/real/ports.ts';
import { Release, type Values } from '../support/real/release.ts';
import { Namespace } from '../support/real/workloads.ts';

const patience = { timeoutMs: 60_000 };
const started = new AsyncDisposableStack();
let kube: Kube;
let consul: Consul;
let runner: JobRunner;
let shop: Namespace;

before(async () => {
  if (imageUnavailable) return;
  const { apiserverArgs, nodes } = reachableKubelets;
  [kube, consul] = await Promise.all([startKube({ apiserverArgs }), startConsul({ acl: true })]);
  started.use(kube);
  started.use(consul);
  const kubelet = started.use(await startKubelet(kube.api, { nodes }));
  runner = started.use(await JobRunner.start(kube, kubelet));
  shop = await Namespace.create(kube.api, 'shop');
  await shop.deploy({ name: 'web', replicas: 3, annotations: { service: 'web', port: 'http' } });
});

after(() => started.disposeAsync());

/** A token with these rules, in the Secret the values name. */
async function giveToken(namespace: string, rules: string | undefined): Promise<void> {
  let token = 'none-that-exists';
  if (rules !== undefined) {
    const Name = `p-${Math.random().toString(36).slice(2)}`;
    await consul.api.put('/v1/acl/policy', { Name, Rules: rules });
    const made = await consul.api.put<{ SecretID: string }>('/v1/acl/token', { Policies: [{ Name }] });
    token = made.SecretID;
  }
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  await kube.api.delete(`${path}/consul-token`).catch(() => {});
  await kube.api.post(path, { metadata: { name: 'consul-token' }, stringData: { token } });
}

/** The policy as people copy it from the documentation. */
async function documentedPolicy(): Promise<string> {
  const text = await readFile(join(root, 'docs/consul-access.md'), 'utf8');
  return /```hcl\n([\s\S]+?)```/.exec(text)![1]!;
}

function values(port: number, more: Values = {}, config: Values = {}): Values {
  return {
    config: {
      // The one the documented policy is for.
      cluster: { name: 'prod' },
      consul: { addresses: [consul.url] },
      leaderElection: { enabled: true },
      ...config,
    },
    consulCredentials: { tokenSecret: { name: 'consul-token' } },
    service: { port },
    terminationGracePeriodSeconds: 1,
    ...more,
  };
}

/** What helm printed. Helm 4 prints the log of a hook as one quoted line. */
const printed = (output: string): string => output.replaceAll('\\n', '\n').replaceAll('\\"', '"');

async function passing(service: string, count: number): Promise<void> {
  await eventually(
    async () => assert.equal((await instances(consul, service)).filter(isPassing).length, count),
    { ...patience, what: `${count} instances of ${service}` },
  );
}

suite('helm test', { skip: imageUnavailable }, () => {
  const namespace = 'tested';
  let port: number;
  let release: Release;
  let operator: ImageProcess;

  before(async () => {
    port = (await freePorts(1))[0]!;
    release = await Release.install(kube, namespace, values(port));
    await giveToken(namespace, await documentedPolicy());
    operator = await release.operator(port);
    await operator.start();
    await operator.ready();
    await passing('web', 3);
  });
  after(() => operator?.[Symbol.asyncDispose]());

  test('finds nothing wrong with a good installation, and says so on the terminal', async () => {
    const { code, output, job } = await release.withJob('test', runner);
    assert.equal(job.code, 0, job.output);
    assert.equal(code, 0, output);
    assert.equal(job.output.match(/^ok /gm)?.length, 4, job.output);
    assert.ok(printed(output).includes(job.output.trim()), output);
  });

  /** Fails, with the pattern in what the user sees. */
  async function finds(message: RegExp): Promise<void> {
    const { code, output } = await release.withJob('test', runner);
    assert.notEqual(code, 0, output);
    assert.match(printed(output), message);
  }

  test('names a right in Kubernetes that is missing', async () => {
    const lost = (await release.rights()).find(
      ({ verb, resource }) => verb === 'watch' && resource === 'nodes',
    )!;
    await using _lacking = await release.without(lost);
    await finds(/FAIL rights in Kubernetes\n\s+watch nodes: not allowed; compare the roles/);
  });

  test('names a Consul that cannot be reached', async () => {
    const good = values(port) as { config: object };
    const config = { ...good.config, consul: { addresses: ['http://127.0.0.1:9'] } };
    await release.upgrade({ ...good, config });
    await finds(/FAIL access to Consul\n(.*\n)*.*127\.0\.0\.1:9/);
    await release.upgrade(good);
  });

  test('names a token that Consul does not know', async () => {
    await giveToken(namespace, undefined);
    await finds(/FAIL access to Consul\n(.*\n)*.*ACL not found/);
  });

  test('names a token that may not read', async () => {
    await giveToken(namespace, 'operator = "read"');
    await finds(/FAIL access to Consul\n(.*\n)*.*the Consul token does not see everything/);
  });

  test('names a token that may read and not write', async () => {
    await giveToken(namespace, 'node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }');
    await finds(/FAIL access to Consul\n(.*\n)*.*Permission denied/i);
  });

  test('names an operator that does not answer', async () => {
    await giveToken(namespace, await documentedPolicy());
    await operator.stop();
    await finds(
      new RegExp(`FAIL /readyz of the operator\\n\\s+http://kube-registrar.tested.svc:${port} does`),
    );
  });
});

suite('the clean-up after helm uninstall', { skip: imageUnavailable }, () => {
  const cleanup = { cleanup: { onUninstall: true, timeoutSeconds: 60 } };

  /** The release's own objects and those of its hooks, in the namespace and outside. */
  async function assertNothingLeft(namespace: string): Promise<void> {
    const labelled = '?labelSelector=app.kubernetes.io/part-of=kube-registrar';
    const inNamespace = (group: string, kind: string) => `${group}/namespaces/${namespace}/${kind}`;
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    const paths = [
      ...['configmaps', 'serviceaccounts', 'services'].map((kind) => inNamespace('/api/v1', kind)),
      inNamespace('/apis/apps/v1', 'deployments'),
      inNamespace('/apis/batch/v1', 'jobs'),
      ...['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'].map((kind) => `${rbac}/${kind}`),
    ];
    await eventually(
      async () => {
        const lists = await Promise.all(
          paths.map((path) => kube.api.get<KubeList<KubeObject>>(path + labelled)),
        );
        // Other releases of this file are told apart by the namespace that helm notes.
        const ours = lists
          .flatMap(({ items }) => items)
          .filter(({ metadata: { annotations } }) =>
            [undefined, namespace].includes(annotations?.['meta.helm.sh/release-namespace']),
          );
        assert.deepEqual(
          ours.map(({ metadata }) => metadata.name),
          [],
        );
      },
      { ...patience, what: 'nothing is left in Kubernetes' },
    );
  }

  const modes: Readonly<Record<string, Values>> = {
    'cluster-wide': {},
    'for namespaces': { cluster: { name: 'prod', uid: 'leaving-uid' }, kubernetes: { namespaces: ['shop'] } },
  };
  for (const [mode, config] of Object.entries(modes)) {
    test(`installed ${mode}, it removes all that is this cluster’s, and nothing of anybody else`, async () => {
      const [port] = await freePorts(1);
      const namespace = `leaving-${mode.replaceAll(' ', '-')}`;
      const release = await Release.install(kube, namespace, values(port!, cleanup, config));
      await giveToken(namespace, await documentedPolicy());
      await using operator = await release.operator(port);
      await operator.start();
      await operator.ready();
      await passing('web', 3);
      const well = await release.withJob('test', runner);
      assert.equal(well.code, 0, well.output);
      const theirs = { ID: 'theirs', Service: 'theirs', Port: 1 };
      for (const Node of ['somebody-elses', 'prod-node-0']) {
        const entry = { Node, Address: '10.9.9.9', SkipNodeUpdate: true, Service: theirs };
        await consul.api.put('/v1/catalog/register', entry);
      }
      // As the kubelet ends the pods of the Deployment.
      await operator.stop();

      const { code, output, job } = await release.withJob('uninstall', runner);
      assert.equal(code, 0, output);
      assert.equal(job.code, 0, job.output);
      assert.match(printed(output), /Removed\./);
      assert.doesNotMatch(printed(output), /cannot find out whether an operator is running/);
      const nodes = await consul.api.get<{ Node: string }[]>('/v1/catalog/nodes');
      assert.deepEqual(nodes.map(({ Node }) => Node).sort(), ['prod-node-0', 'server-0', 'somebody-elses']);
      assert.deepEqual(await instances(consul, 'web'), []);
      assert.equal((await instances(consul, 'theirs')).length, 2);
      const keys = await consul.api.get<string[]>('/v1/kv/?keys').catch(() => []);
      assert.deepEqual(keys, [], 'the key of the leaders');
      await assertNothingLeft(namespace);
      for (const { Node } of nodes) {
        if (Node !== 'server-0') await consul.api.put('/v1/catalog/deregister', { Node });
      }
    });
  }
});
