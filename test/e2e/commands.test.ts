/** plan, purge, explain and the move to another cluster name, as they are run, on real servers. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isPassing, raftLog, states, writesBetween } from '../support/real/consul-reads.ts';
import { dataDir } from '../support/real/data-dir.ts';
import type { KubeObject } from '../support/real/kube-api.ts';
import { operatorIdentity, startOperator } from '../support/real/operator.ts';
import { clusterName, type Stage, startStage } from '../support/real/stage.ts';
import type { Namespace } from '../support/real/workloads.ts';

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const pods = 12;

let stage: Stage;
let shop: Namespace;
let directory: string;
let kubeconfig: string;

before(async () => {
  directory = await dataDir('commands');
  stage = await startStage();
  kubeconfig = await stage.kube.kubeconfigFor(operatorIdentity);
  shop = await stage.namespace('shop');
  await shop.deploy({ name: 'web', replicas: pods, annotations: { service: 'web', port: 'http' } });
  await stage.allPassing('web', pods);
});

after(async () => {
  await stage?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const config = (more: object = {}) => ({
  cluster: { name: clusterName },
  kubernetes: { kubeconfig },
  consul: { addresses: [stage.consul.url] },
  ...more,
});

/** Runs the program to its end, with a configuration file of its own. */
async function run(argv: readonly string[], file: object = config()) {
  const path = join(directory, 'config.yaml');
  await writeFile(path, JSON.stringify(file));
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      [program, ...argv, '--config', path],
      { timeout: 120_000 },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

const nodes = async (): Promise<string[]> => {
  const all =
    await stage.consul.api.get<{ Node: string; Meta: Record<string, string> | null }[]>('/v1/catalog/nodes');
  return all.flatMap(({ Node, Meta }) => (Meta?.['managed-by'] === 'kube-registrar' ? [Node] : [])).sort();
};

const nodesNamed = (cluster: string): string[] =>
  stage.kubelet.nodes.map(({ name }) => `${cluster}-${name}`).sort();

suite('plan', () => {
  test('beside a running operator finds nothing to do, and writes nothing', async () => {
    const before = await raftLog(stage.consul);
    const { code, stdout, stderr } = await run(['plan']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(stdout, 'Nothing to do: Consul is in sync with the cluster.\n');
    const { transactions, otherWrites } = writesBetween(before, await raftLog(stage.consul));
    assert.deepEqual([transactions, otherWrites], [0, 0]);
  });

  test('shows what has changed while no operator runs, exit code 2', async () => {
    await stage.operator.stop();
    await shop.addPod('extra', { service: 'extra', port: 'http' });
    await stage.eventually('the pod has an address', async () => {
      const all = await shop.pods();
      assert.ok(all.find(({ metadata }) => metadata.name === 'extra')?.status?.podIP);
    });
    const { code, stdout } = await run(['plan', '--output', 'json']);
    assert.equal(code, 2);
    const { nodes, summary } = JSON.parse(stdout);
    assert.equal(summary.remove, 0);
    assert.equal(
      nodes[0].steps.find((step: { entry: string }) => step.entry === 'instance').service,
      'extra',
    );
    await shop.deletePod('extra');
  });

  test('names the right that is missing, at once', async () => {
    const started = performance.now();
    const nobody = await stage.kube.kubeconfigFor({ namespace: 'shop', serviceAccount: 'default' });
    const uid = { name: clusterName, uid: 'x' };
    const { code, stderr } = await run(
      ['plan'],
      config({ kubernetes: { kubeconfig: nobody }, cluster: uid }),
    );
    assert.equal(code, 1);
    // Whichever of them is refused first.
    assert.match(stderr, /(pods|services|endpointslices|nodes): not listed yet \(.*forbidden/);
    assert.ok(performance.now() - started < 50_000, 'not at the deadline');
  });

  test('says that Consul is not there', async () => {
    const { code, stderr } = await run(['plan'], config({ consul: { addresses: ['http://127.0.0.1:1'] } }));
    assert.equal(code, 1);
    assert.match(stderr, /^error: GET \/v1\/catalog\/nodes: .*127\.0\.0\.1:1/);
  });
});

suite('explain', () => {
  test('says what is registered for a pod', async () => {
    const pod = (await shop.pods()).find(({ metadata }) => metadata.name.startsWith('web-'));
    const { code, stdout } = await run(['explain', `pod/${pod!.metadata.name}`, '-n', 'shop']);
    assert.match(stdout, /web \S+:8080 on node prod-\S+: registered as wanted\n/);
    assert.equal(code, 0);
  });
});

suite('explain of a workload', () => {
  test('shows its pods, in JSON too, and says what may have been meant', async () => {
    const admin = config({ kubernetes: { kubeconfig: stage.kube.kubeconfigPath } });
    const { code, stdout } = await run(['explain', 'deploy/web', '-n', 'shop'], admin);
    assert.match(stdout, new RegExp(`^Deployment shop/web\\n {2}has ${pods} pods, all as wanted\\n`));
    assert.equal(code, 0);
    const json = await run(['explain', 'deploy', 'web', '-n', 'shop', '-o', 'json'], admin);
    assert.equal(JSON.parse(json.stdout).pods.length, pods);
    const typo = await run(['explain', 'deploy/wbe', '-n', 'shop'], admin);
    assert.deepEqual(
      [typo.code, typo.stderr],
      [1, 'error: Deployment "wbe" not found in namespace "shop"; did you mean web?\n'],
    );
    // The operator's own account may not read workloads.
    const denied = await run(['explain', 'deploy/web', '-n', 'shop']);
    assert.match(
      denied.stderr,
      /^error: .*deployments.*; use an account with rights on deployments, or explain its pods: pod\/NAME\n/,
    );
  });
});

suite('the name of the cluster', () => {
  test('is taken from Consul when none is set, and another one is refused', async () => {
    const unnamed = await run(['plan'], config({ cluster: {} }));
    assert.match(unnamed.stderr, /^warning: cluster\.name is not set; Consul has this cluster as "prod"\n$/);
    assert.equal(unnamed.code, 0);
    const wrong = await run(['plan', '--cluster-name', 'prdo']);
    assert.match(wrong.stderr, /^error: flag --cluster-name: "prdo", but Consul has this cluster as "prod"/);
    assert.equal(wrong.code, 1);
  });
});

suite('a renamed cluster', () => {
  test('under upsert-only every instance is there twice for consumers, with one id and one address', async () => {
    await using operator = await startOperator({
      config: config({ cluster: { name: 'moved' }, sync: { policy: 'upsert-only' } }),
    });
    const entries = await stage.eventually('both are there', async () => {
      const found = await stage.instances('web');
      assert.equal(found.filter(isPassing).length, 2 * pods);
      return found;
    });
    assert.equal(new Set(entries.map(({ Service }) => Service.ID)).size, pods);
    assert.deepEqual(await nodes(), [...nodesNamed('moved'), ...nodesNamed('prod')]);
    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${stage.consul.dnsPort}`]);
    const addresses = await resolver.resolve4('web.service.consul');
    assert.equal(new Set(addresses).size, pods);
    assert.equal(addresses.length, pods, 'DNS gives each address once');
    await operator.stop();
    const { code } = await run(['purge', '--yes', '--node', 'moved-*']);
    assert.equal(code, 0);
    assert.deepEqual(await nodes(), nodesNamed('prod'));
  });

  test('is moved by sync without a moment at which an instance is missing', async () => {
    const watching = new AbortController();
    const wanted = new Set((await stage.instances('web')).map(({ Service }) => Service.ID));
    const gaps: string[] = [];
    const watch = (async () => {
      for await (const state of states(stage.consul, 'web', watching.signal)) {
        const seen = new Set(state.filter(isPassing).map(({ Service }) => Service.ID));
        for (const id of wanted) if (!seen.has(id)) gaps.push(id);
      }
    })().catch((error: unknown) => {
      if (!watching.signal.aborted) throw error;
    });
    await using operator = await startOperator({ config: config({ cluster: { name: 'moved' } }) });
    await stage.eventually('only the new nodes are left', async () => {
      assert.deepEqual(await nodes(), nodesNamed('moved'));
    });
    await stage.allPassing('web', pods);
    watching.abort();
    await watch;
    assert.deepEqual(gaps, []);
    await operator.stop();
  });
});

suite('the policy dry-run', () => {
  test('writes nothing, and logs what it would write', async () => {
    const before = await nodes();
    await using operator = await startOperator({
      config: config({ sync: { policy: 'dry-run', fullComparisonInterval: '1s' } }),
    });
    await operator.ready();
    await stage.eventually('it says what it would do', async () => {
      assert.ok(operator.logs('Held').length >= pods);
    });
    assert.deepEqual(await nodes(), before);
    assert.equal(operator.logs('Registered').length, 0);
  });
});

suite('purge', () => {
  test('refuses beside an operator that holds its Lease', async () => {
    const leaderElection = { enabled: true, namespace: operatorIdentity.namespace };
    await using operator = await startOperator({
      config: config({ cluster: { name: 'moved' }, leaderElection }),
    });
    await operator.ready();
    // Nobody says in which namespace the Lease is.
    const admin = config({ kubernetes: { kubeconfig: stage.kube.kubeconfigPath } });
    const { code, stderr } = await run(['purge', '--yes'], admin);
    assert.match(stderr, /^error: an operator of this cluster is running \(\S+ holds the Lease\)/);
    assert.equal(code, 1);
    assert.deepEqual(await nodes(), nodesNamed('moved'));
    await operator.stop();
  });

  test('without --yes removes nothing', async () => {
    const { code, stdout, stderr } = await run(['purge']);
    assert.equal(code, 1);
    assert.match(stdout, /- node moved-\S+\n(?: {2}- instance \S+ of web\n)+/);
    assert.match(stderr, /nothing was removed: use --yes/);
    assert.deepEqual(await nodes(), nodesNamed('moved'));
  });

  test("removes everything of the cluster and leaves others' services", async () => {
    const [first] = await nodes();
    await stage.consul.api.put('/v1/catalog/register', {
      Node: first,
      SkipNodeUpdate: true,
      Service: { ID: 'db', Service: 'db', Port: 5432 },
    });
    const { metadata } = await stage.kube.api.get<KubeObject>('/api/v1/namespaces/kube-system');
    const [ours, others] = [metadata.uid, 'another-cluster'].map((each) => `kube-registrar/${each}/epoch`);
    for (const key of [ours, others]) await stage.consul.api.put(`/v1/kv/${key}`, { holder: 'a leader' });
    const { code, stdout } = await run(['purge', '--yes']);
    assert.equal(code, 0, stdout);
    assert.deepEqual(await stage.consul.api.get('/v1/kv/?keys'), [others]);
    assert.match(stdout, /instance db of db has another owner; left alone/);
    assert.deepEqual(await stage.instances('web'), []);
    assert.deepEqual(
      (await stage.instances('db')).map(({ Node }) => Node.Node),
      [first],
    );
    assert.deepEqual(await nodes(), [first]);
  });
});

suite('claims', () => {
  test('keep a name for its namespace', async () => {
    const other = await stage.namespace('other');
    await other.addPod('intruder', { service: 'web', port: 'http' });
    await using operator = await startOperator({
      config: config({ claims: [{ namespaces: ['shop'], services: ['web'] }] }),
    });
    await operator.ready();
    await stage.allPassing('web', pods);
    const [denied] = await stage.eventually('the refusal is told', async () => {
      const lines = operator.logs('ServiceNameDenied');
      assert.ok(lines.length > 0);
      return lines;
    });
    assert.equal(denied?.['pod'], 'other/intruder');
    assert.match(String(denied?.['message']), /claimed by namespace "shop"/);
    await other.annotatePod('intruder', { service: 'intruder' });
    await stage.allPassing('intruder', 1);
  });
});

suite('what a tenant may not do', () => {
  test("is refused with the reason, and Consul's own service stays what it was", async () => {
    const tenant = await stage.namespace('tenant');
    await tenant.addPod('evil', { service: 'Consul', port: 'http' });
    await tenant.addPod('team', { service: 'tenant-a-web', port: 'http' });
    await tenant.addPod('routed', { service: 'routed', port: 'http', tags: 'urlprefix-/pay' });
    await tenant.addPod('case', { service: 'Case', port: 'http' });
    const restricted = config({
      claims: [{ namespaces: ['*'], services: ['{namespace}-*'] }],
      tagRules: [{ namespaces: ['*'], deny: ['urlprefix-*'] }],
    });
    await using operator = await startOperator({ config: restricted });
    await operator.ready();
    await stage.allPassing('Case', 1);
    // The pods are on different nodes, whose turns come in no order.
    await stage.eventually('each refusal is in the log', async () => {
      const denied = new Map(
        [...operator.logs('ServiceNameDenied'), ...operator.logs('AnnotationDenied')].map((line) => [
          line['pod'],
          String(line['message']),
        ]),
      );
      assert.match(denied.get('tenant/evil') ?? '', /"Consul" is a reserved name/);
      assert.match(denied.get('tenant/team') ?? '', /claimed by namespace "tenant-a"/);
      assert.match(
        denied.get('tenant/routed') ?? '',
        /tag "urlprefix-\/pay" is denied to namespace "tenant"/,
      );
    });
    assert.equal((await stage.instances('consul')).length, 1);
    for (const name of ['tenant-a-web', 'routed']) assert.deepEqual(await stage.instances(name), []);
    const { code, stdout } = await run(['explain', 'pod/evil', '-n', 'tenant'], restricted);
    assert.match(stdout, /error: kube-registrar\.io\/service: service "Consul" is a reserved name/);
    assert.equal(code, 2);

    // Consul takes both names for one; the instance must not be gone in between.
    const watching = new AbortController();
    const counts: number[] = [];
    const watched = (async () => {
      for await (const entries of states(stage.consul, 'case', watching.signal)) counts.push(entries.length);
    })().catch(() => {});
    await tenant.annotatePod('case', { service: 'case' });
    await stage.eventually('the name is the new one', async () =>
      assert.deepEqual(
        (await stage.instances('case')).map(({ Service }) => Service.Service),
        ['case'],
      ),
    );
    const { stdout: plan } = await run(['plan'], restricted);
    assert.match(plan, /Nothing to do/);
    watching.abort();
    await watched;
    assert.ok(counts.length > 0 && counts.every((count) => count === 1), counts.join());
    assert.deepEqual(operator.logs('Drift'), []);
    for (const name of ['evil', 'team', 'routed', 'case']) await tenant.deletePod(name);
    await stage.gone('case');
  });
});
