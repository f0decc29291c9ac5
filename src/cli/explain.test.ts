import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';
import { silentLogger } from '../logging/logger.ts';
import { startStatusServer } from '../server/http-server.ts';

interface TxnOp {
  readonly Service?: { readonly Service: { readonly Service: string } };
}

const explain = (cluster: SmallCluster, ...argv: string[]) => cluster.run(['explain', ...argv]);

describe('kube-registrar explain', () => {
  test('of a pod that is registered as it is wanted, exits 0', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' }, { namespace: 'shop' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    const { exitCode, stdout, stderr } = await explain(cluster, 'pod/web-1', '-n', 'shop');
    assert.match(
      stdout,
      /^Pod shop\/web-1\n {2}runs on node n1, 10\.1\.0\.1, ready\n {2}asks with its annotations:\n {4}kube-registrar\.io\/service: "web" → service web\n\nIn Consul:\n {2}web 10\.1\.0\.1:8080 on node kubernetes-n1: registered as wanted\n {4}id \S+\n {4}Kubernetes readiness: passing/,
    );
    assert.deepEqual([exitCode, stderr], [0, '']);
    await operator.stop();
  });

  test('says what a running operator would write, and exits 2', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web', tags: 'a' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    await operator.stop();
    cluster.putPod('web-1', { service: 'web', tags: 'b' });
    const differs = await explain(cluster, 'pod/web-1');
    assert.match(
      differs.stdout,
      /registered, differs from the desired state\n[\s\S]* {8}tags: \["a"\] → \["b"\]\n/,
    );
    assert.equal(differs.exitCode, 2);
    cluster.putPod('web-1', {});
    const unwanted = await explain(cluster, 'pod/web-1');
    assert.match(unwanted.stdout, /nothing asks for it[\s\S]*: registered, not wanted\n/);
    assert.match(unwanted.stdout, /- node kubernetes-n1/);
  });

  test('says what Consul would refuse, and what it refuses a running operator', async () => {
    const cluster = new SmallCluster();
    cluster.consul.intercept = ({ method, body }) => {
      const operations = method === 'PUT' ? (JSON.parse(String(body)) as TxnOp[]) : [];
      const Errors = operations.flatMap(({ Service }, OpIndex) =>
        Service?.Service.Service === 'web'
          ? [{ OpIndex, What: 'Permission denied: token lacks permission \'service:write\' on "web"' }]
          : [],
      );
      return Errors.length === 0
        ? undefined
        : { kind: 'answer', status: 409, body: JSON.stringify({ Results: null, Errors }) };
    };
    cluster.putPod('web-1', { service: 'web' });
    cluster.putPod('api-1', { service: 'api' });
    const alone = await explain(cluster, 'pod/web-1');
    assert.match(
      alone.stdout,
      /error: Consul refuses it: Permission denied.* on "web"; give the token the policy/,
    );
    assert.match(alone.stdout, /not written for now:\n {4}\+ instance .* \(refused by Consul\)\n/);
    assert.doesNotMatch(alone.stdout, /a running operator would write/);
    assert.equal(alone.exitCode, 2);
    assert.doesNotMatch((await explain(cluster, 'pod/api-1')).stdout, /refuses/);

    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    await using server = await startStatusServer({
      listen: '127.0.0.1:0',
      source: operator.operator,
      metrics: { contentType: 'text/plain', text: async () => '' },
      logger: silentLogger,
      clock: cluster.clock,
    }).then((started) => ({ ...started, [Symbol.asyncDispose]: () => started.close() }));
    const known = await explain(cluster, 'pod/web-1', '--server', server.origin);
    assert.match(
      known.stdout,
      /error: Consul refuses an instance of service "web": put-instance on node .* on "web"/,
    );
    assert.equal(known.exitCode, 2);
    const plan = await cluster.run(['plan', '--server', server.origin]);
    assert.match(plan.stdout, /! Pod default\/web-1: Consul refuses .* on "web".* \(RegistrationFailed\)\n/);
    await operator.stop();
  });

  test('says what is wrong with the annotations, and that the instance stays', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    cluster.putPod('web-1', { service: 'web', port: 'htp' });
    await cluster.clock.advance(1_000);
    const { exitCode, stdout } = await explain(cluster, 'po/web-1');
    assert.match(
      stdout,
      /error: kube-registrar\.io\/port: port "htp" is not a container port; did you mean "http"\?/,
    );
    assert.match(
      stdout,
      /registered, not wanted\n[\s\S]*is kept as it was, because the annotations that ask for it are wrong/,
    );
    assert.equal(exitCode, 2);
    await operator.stop();
  });

  test('says why a pod is not registered: denied, ended, not there, in another namespace', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('plain', {});
    cluster.putPod('web-1', { service: 'web' }, { namespace: 'shop' });
    const plain = await explain(cluster, 'pod/plain');
    assert.match(
      plain.stdout,
      /nothing asks for it: neither it nor a Service in front of it has the annotation kube-registrar\.io\/service/,
    );
    assert.match(plain.stdout, /In Consul: nothing, and nothing is wanted\.\n$/);
    assert.equal(plain.exitCode, 0);
    const typo = await explain(cluster, 'pod/plian');
    assert.match(
      typo.stderr,
      /^error: Pod "plian" not found in namespace "default"; did you mean plain\?\n$/,
    );
    assert.equal(typo.exitCode, 1);
    const elsewhere = await explain(cluster, 'pod/web-1');
    assert.match(elsewhere.stdout, /an object with this name exists in namespace shop: use -n/);
    const unwatched = await explain(cluster, 'pod/web-1', '-n', 'shop', '--watch-namespace', 'default');
    assert.match(unwatched.stdout, /namespace shop is not watched: kubernetes\.namespaces names default/);
  });

  test("says that the node it needs is somebody else's", async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    cluster.consul.outsider.putNode({ Node: 'kubernetes-n1', Address: '10.9.9.9' });
    const { exitCode, stdout } = await explain(cluster, 'pod/web-1');
    assert.match(
      stdout,
      /wanted, not registered yet[\s\S]*exists without this operator's stamp; nothing on it is touched/,
    );
    assert.equal(exitCode, 2);
  });

  test('of a Service, shows its endpoints or that it has none', async () => {
    const cluster = new SmallCluster();
    cluster.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'search',
        namespace: 'default',
        annotations: { 'kube-registrar.io/service': 'true' },
      },
      spec: { ports: [{ name: 'api', port: 80 }] },
    });
    const empty = await explain(cluster, 'svc/search');
    assert.match(empty.stdout, /has no endpoints: none of its EndpointSlices has an address/);
    cluster.kube.store.apply({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'search-1',
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': 'search' },
      },
      addressType: 'IPv4',
      ports: [{ name: 'api', port: 9200, protocol: 'TCP' }],
      endpoints: [{ addresses: ['10.2.0.1'], nodeName: 'n1', conditions: { ready: true } }],
    });
    const { stdout, exitCode } = await explain(cluster, 'svc/search');
    assert.match(stdout, /search 10\.2\.0\.1:9200 on node kubernetes-n1: wanted, not registered yet/);
    assert.equal(exitCode, 2);
  });

  test('says which annotation led to which field, also to scripts', async () => {
    const cluster = new SmallCluster();
    const annotations = {
      service: 'web',
      port: 'http',
      tags: 'a,b',
      weight: '5',
      'meta.team': 'x',
      warmup: '5m',
    };
    cluster.putPod('web-1', annotations);
    const { stdout } = await explain(cluster, 'pod', 'web-1');
    for (const line of [
      'port: "http" → port 8080',
      'tags: "a,b" → tags a, b',
      'meta.team: "x" → meta team=x',
      'warmup: "5m"',
    ]) {
      assert.ok(stdout.includes(`    kube-registrar.io/${line}\n`), line);
    }
    const data = JSON.parse((await explain(cluster, 'pod/web-1', '-o', 'json')).stdout);
    assert.deepEqual(data.object, { kind: 'Pod', namespace: 'default', name: 'web-1' });
    assert.deepEqual(data.annotations[0], {
      name: 'kube-registrar.io/service',
      value: 'web',
      became: 'service web',
    });
    assert.equal(data.instances[0].state, 'wanted, not registered yet');
    assert.match((await explain(cluster, 'pod/web-1', '-o', 'yaml')).stdout, /^object:\n {2}kind: "Pod"\n/);
  });

  test('of a workload, explains its pods and says what is wrong on the workload itself', async () => {
    const cluster = new SmallCluster();
    cluster.kube.addNamespace('shop');
    cluster.kube.store.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop', annotations: { 'kube-registrar.io/tags': 'x' } },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [] } },
      },
    });
    for (const name of ['web-1', 'web-2', 'other']) {
      cluster.putPod(name, { service: name }, { namespace: 'shop' });
      const pod = cluster.kube.store.get('pods', 'shop', name)!;
      const labels: Record<string, string> = name === 'other' ? {} : { app: 'web' };
      cluster.kube.store.apply({ ...pod, metadata: { ...pod.metadata, labels } });
    }
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    await operator.stop();
    cluster.putPod('web-2', {}, { namespace: 'shop' });
    cluster.kube.store.apply({
      ...cluster.kube.store.get('pods', 'shop', 'web-2')!,
      metadata: { ...cluster.kube.store.get('pods', 'shop', 'web-2')!.metadata, labels: { app: 'web' } },
    });
    const { stdout, exitCode } = await explain(cluster, 'deploy/web', '-n', 'shop');
    assert.match(
      stdout,
      /^Deployment shop\/web\n {2}has 2 pods, 1 not as wanted\n {2}error: kube-registrar\.io\/tags: is in metadata\.annotations of the Deployment, where it has no effect; move it to spec\.template\.metadata\.annotations\n\nPod shop\/web-2\n[\s\S]*\nPod shop\/web-1\n/,
    );
    assert.doesNotMatch(stdout, /other/);
    assert.equal(exitCode, 2);
    const typo = await explain(cluster, 'deployment', 'wbe', '-n', 'shop');
    assert.equal(typo.stderr, 'error: Deployment "wbe" not found in namespace "shop"; did you mean web?\n');
    assert.equal(typo.exitCode, 1);
  });

  test('of a Job and of a CronJob, explains the pods of the Jobs that it made', async () => {
    const cluster = new SmallCluster();
    const { store } = cluster.kube;
    const template = {
      metadata: { labels: { app: 'report' } },
      spec: { containers: [{ name: 'report', image: 'x' }] },
    };
    const cronJob = (name: string, annotations = {}) =>
      store.apply({
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata: { name, namespace: 'default', annotations },
        spec: { schedule: '@daily', jobTemplate: { spec: { template } } },
      });
    const job = (name: string, owner?: string) => {
      const ownerReferences = [
        { apiVersion: 'batch/v1', kind: 'CronJob', name: 'report', uid: owner ?? 'none' },
      ];
      const selector = { matchLabels: { 'batch.kubernetes.io/job-name': name } };
      const metadata = { name, namespace: 'default', ownerReferences };
      store.apply({ apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { selector, template } });
      cluster.putPod(`${name}-pod`, { service: name });
      const pod = store.get('pods', 'default', `${name}-pod`)!;
      store.apply({ ...pod, metadata: { ...pod.metadata, labels: selector.matchLabels } });
    };
    const { uid } = cronJob('report', { 'kube-registrar.io/tags': 'x' }).metadata;
    job('report-1', uid);
    job('report-2', uid);
    job('manual');

    const one = await explain(cluster, 'job/report-1');
    assert.match(
      one.stdout,
      /^Job default\/report-1\n {2}has 1 pod, 1 not as wanted\n[\s\S]*\nPod default\/report-1-pod\n/,
    );
    const { stdout, exitCode } = await explain(cluster, 'cj/report');
    assert.match(
      stdout,
      /^CronJob default\/report\n {2}has 2 pods, 2 not as wanted\n {2}error: kube-registrar\.io\/tags: /,
    );
    assert.match(stdout, /move it to spec\.jobTemplate\.spec\.template\.metadata\.annotations\n/);
    assert.match(stdout, /\nPod default\/report-1-pod\n[\s\S]*\nPod default\/report-2-pod\n/);
    assert.doesNotMatch(stdout, /manual/);
    assert.equal(exitCode, 2);
    cronJob('idle');
    const idle = await explain(cluster, 'cronjob', 'idle');
    assert.deepEqual([idle.stdout, idle.exitCode], ['CronJob default/idle\n  has no pods\n', 0]);
    const typo = await explain(cluster, 'cronjobs/reprot');
    const message = 'error: CronJob "reprot" not found in namespace "default"; did you mean report?\n';
    assert.deepEqual([typo.stderr, typo.exitCode], [message, 1]);
  });

  test('refuses what is no object, and names the kind that was meant', async () => {
    const typo = await explain(new SmallCluster(), 'deplyo/web');
    assert.equal(typo.stderr, 'error: cannot explain "deplyo/web"; did you mean deploy/web?\n');
    assert.equal(typo.exitCode, 1);
    const { exitCode, stderr } = await explain(new SmallCluster(), 'web-1');
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^error: cannot explain "web-1"; write one of pod\/NAME, svc\/NAME, ingress\/NAME, httproute\/NAME/,
    );
  });
});
