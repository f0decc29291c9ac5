import assert from 'node:assert/strict';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { AgentsMoving } from '../../../test/support/agents-moving.ts';

const program = 'kube-consul-register';
const following = { compatibility: { kubeConsulRegister: { enabled: true, k8sTag: 'kubernetes' } } };
const withAgents = (k8sTag: string) => ({
  registration: { mode: 'agent' },
  compatibility: { kubeConsulRegister: { enabled: true, k8sTag } },
});

/** The tags that it gives a pod's container. */
const tagsOf = (pod: string, node: string) => [
  pod,
  `pod:${pod}`,
  `node:${node}`,
  'container:main',
  'kubernetes',
];

const theirs = (pod: string, node: string, Address: string) => ({
  ID: `${pod}-main`,
  Name: 'web',
  Address,
  Tags: tagsOf(pod, node),
});

/** Two pods, each registered with the agent of its node. */
async function moving(work: (cluster: AgentsMoving) => Promise<void>): Promise<void> {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'migrate-'));
  const cluster = new AgentsMoving(program, directory.path);
  const annotations = { 'consul.register/enabled': 'true', 'consul.register/service.name': 'web' };
  cluster.putWith('web-1', annotations, { node: 'n1', ip: '10.1.0.1' });
  cluster.putWith('web-2', annotations, { node: 'n2', ip: '10.1.0.2' });
  await cluster.register('n1', theirs('web-1', 'n1', '10.1.0.1'));
  await cluster.register('n2', theirs('web-2', 'n2', '10.1.0.2'));
  await work(cluster);
}

async function registered(cluster: AgentsMoving, config: object = following): Promise<void> {
  const operator = cluster.start(config);
  await cluster.clock.advance(10_000);
  await operator.stop();
}

const workload = (kind: string, args: readonly string[]) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name: program, namespace: 'default' },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'x' } },
    template: {
      metadata: { labels: { app: 'x' } },
      spec: { containers: [{ name: 'x', image: `tczekajlo/${program}:0.1.4`, args }] },
    },
  },
});

const settings = (data: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'default' },
  data,
});

describe('kube-registrar migrate kube-consul-register', () => {
  test('writes Helm values from the ConfigMap of what runs it', () =>
    moving(async (cluster) => {
      cluster.kube.addNamespace('default');
      const args = ['-logtostderr=true', '-configmap', 'default/settings', '-in-cluster=true'];
      cluster.kube.store.apply(workload('ReplicaSet', args) as never);
      const owned = workload('ReplicaSet', ['-configmap=default/other']);
      const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'x', uid: 'u' }];
      cluster.kube.store.apply({
        ...owned,
        metadata: { ...owned.metadata, name: 'owned', ownerReferences },
      } as never);
      cluster.kube.store.apply(
        settings({
          consul_address: 'consul.example',
          consul_port: '8501',
          consul_scheme: 'https',
          consul_token: 'very-secret',
          k8s_tag: 'k8s',
          register_source: 'endpoints',
          pod_label_selector: 'team=shop',
        }) as never,
      );
      const { exitCode, stdout, stderr } = await cluster.run(['migrate', program]);
      assert.equal(exitCode, 0, stderr);
      assert.equal(
        stdout,
        `# Add consulCredentials: its token is in its ConfigMap (consul_token).
# Its annotation is on Endpoints: copy it to the Services, as described in migrate-from-registrars.md.
config:
  consul:
    addresses:
      - https://consul.example:8501
  kubernetes:
    podLabelSelector: team=shop
  compatibility:
    kubeConsulRegister:
      enabled: true
      registerSource: endpoint
      k8sTag: k8s
      consulContainerName: consul
`,
      );
    }));

  test('leaves the tag out at first where both register with the agents of the nodes', () =>
    moving(async (cluster) => {
      cluster.kube.addNamespace('default');
      const line = `exec /${program} -configmap=default/settings -watch-namespace shop`;
      const found = workload('Deployment', []);
      const [container] = found.spec.template.spec.containers;
      Object.assign(container!, { image: 'mirror/x@sha256:1', command: ['/bin/sh', '-c', line] });
      cluster.kube.store.apply(found as never);
      cluster.kube.store.apply(settings({ register_mode: 'node', consul_port: '8600' }) as never);
      const { exitCode, stdout, stderr } = await cluster.run(['migrate', program]);
      assert.equal(exitCode, 0, stderr);
      assert.match(stdout, /^# Once kube-consul-register is stopped, set .*k8sTag: "kubernetes"/m);
      assert.match(stdout, /namespaces:\n {6}- shop\n/);
      assert.match(
        stdout,
        /registration:\n {4}mode: agent\n {4}agent:\n {6}scheme: http\n {6}port: 8600\n {2}compatibility:\n {4}kubeConsulRegister:\n {6}enabled: true\n {6}registerSource: pod\n {6}k8sTag: ""\n/,
      );
    }));

  test('says that nothing runs it, that several do, and which ConfigMap cannot be read', () =>
    moving(async (cluster) => {
      const none = await cluster.run(['migrate', program]);
      assert.deepEqual([none.exitCode, /nothing in the cluster runs/.test(none.stderr)], [1, true]);
      cluster.kube.addNamespace('default');
      for (const kind of ['Deployment', 'DaemonSet']) {
        cluster.kube.store.apply(workload(kind, ['-configmap=default/lost']) as never);
      }
      const several = await cluster.run(['migrate', program]);
      assert.match(several.stderr, /several run .*: Deployment default\/.*, DaemonSet .*--workload/);
      cluster.kube.store.delete('deployments.apps', 'default', program);
      const lost = await cluster.run(['migrate', program]);
      assert.equal(lost.exitCode, 1);
      assert.match(lost.stderr, /ConfigMap default\/lost cannot be read/);
    }));

  test('--check says that all match, and asks no agent', () =>
    moving(async (cluster) => {
      for (const agent of Object.values(cluster.agents)) {
        agent.intercept = () => assert.fail('an agent was asked');
      }
      const { exitCode, stdout, stderr } = await cluster.command(following, '--check');
      assert.deepEqual(
        [exitCode, stdout, stderr],
        [0, '2 of 2 instances with the tag "kubernetes" of kube-consul-register match.\n', ''],
      );
      const json = await cluster.command(following, '--check', '-o', 'json');
      const { program: of, summary, instances } = JSON.parse(json.stdout);
      const none = { differing: 0, losingHealth: 0, missing: 0, gone: 0, elsewhere: 0, more: 0 };
      assert.deepEqual([json.exitCode, of, summary], [0, program, { matching: 2, ...none }]);
      assert.deepEqual(
        instances.map(({ id, outcome }: Record<string, string>) => [id, outcome]),
        [
          ['web-1-main', 'matches'],
          ['web-2-main', 'matches'],
        ],
      );
    }));

  test('--check says what differs, what would not pass and what would be missing, and why', () =>
    moving(async (cluster) => {
      await cluster.register('n1', {
        ...theirs('web-1', 'n1', '10.1.0.1'),
        Port: 9090,
        Meta: { team: 'shop' },
      });
      cluster.putWith(
        'web-2',
        { 'consul.register/enabled': 'true', 'consul.register/service.name': 'web' },
        { node: 'n2', ip: '10.1.0.2', ready: false },
      );
      cluster.putWith(
        'bad-1',
        { 'consul.register/enabled': 'true', 'consul.register/pod.container.name': 'x' },
        { ip: '10.1.0.3' },
      );
      await cluster.register('n1', theirs('bad-1', 'n1', '10.1.0.3'));
      await cluster.register('n1', theirs('gone-1', 'n1', '10.1.0.4'));
      cluster.putWith('more-1', { 'consul.register/enabled': 'true' });
      const { exitCode, stdout } = await cluster.command(following, '--check');
      assert.equal(exitCode, 2);
      assert.deepEqual(stdout.split('\n').slice(0, -1), [
        '0 of 3 instances with the tag "kubernetes" of kube-consul-register match.',
        '1 differ:',
        '  web at 10.1.0.1:9090: port 9090 becomes 8080; meta team="shop" is missing',
        '1 would no longer pass:',
        '  web at 10.1.0.2:8080: ContainersNotReady: probe failed',
        '1 would not be registered:',
        '  web at 10.1.0.3:8080: Pod default/bad-1: pod.container.name has nothing to register: none of the named containers declares a port',
        '1 belong to pods that no longer exist.',
        '1 more are registered by kube-registrar.',
      ]);
    }));

  test('--check does not miss the tag that comes last, and says so', () =>
    moving(async (cluster) => {
      const { exitCode, stdout } = await cluster.command(withAgents(''), '--check');
      assert.equal(exitCode, 0);
      assert.match(
        stdout,
        /^2 of 2 .*\nThe tag "kubernetes" comes last: set compat.* once .* is stopped\.\n$/,
      );
      const early = await cluster.command(withAgents('kubernetes'), '--check');
      assert.match(
        early.stdout,
        /While kube-consul-register runs, it removes every instance that has its tag/,
      );
    }));

  test('--finish deregisters at each agent what ours stands in for, and nothing else; again it has nothing to do', () =>
    moving(async (cluster) => {
      await registered(cluster);
      await cluster.register('n1', theirs('gone-1', 'n1', '10.1.0.9'));
      const others = tagsOf('web-7', 'n1').filter((tag) => tag !== 'kubernetes');
      await cluster.register('n1', { ...theirs('web-1', 'n1', '10.1.0.1'), ID: 'db', Name: 'db' });
      await cluster.register('n1', { ...theirs('web-7', 'n1', '10.1.0.1'), Tags: others });
      const { outsider } = cluster.consul;
      outsider.putNode({ Node: 'external', Address: '10.0.0.1' });
      outsider.putService('external', { ID: 'web-1-main', Service: 'web', Tags: tagsOf('web-1', 'n1') });
      const { exitCode, stdout, stderr } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 0, stdout + stderr);
      assert.match(
        stdout,
        /^- web at 10\.1\.0\.1:8080: \S+ on node "kubernetes-n1" takes its place\n- web at/m,
      );
      assert.match(stdout, /^- web at 10\.1\.0\.9:8080: it no longer exists in the cluster$/m);
      assert.match(
        stdout,
        /3 to remove, 0 to keep, 0 without a counterpart\.\nRemoved 3\. Watching for 2m24s/,
      );
      assert.deepEqual([await cluster.ids('n1'), await cluster.ids('n2')], [['db', 'web-7-main'], []]);
      assert.equal(outsider.services('external').length, 1);
      const passing = cluster.passing('web').filter((each) => each.startsWith('kubernetes-'));
      assert.deepEqual(passing, ['kubernetes-n1/10.1.0.1', 'kubernetes-n2/10.1.0.2']);
      const again = await cluster.command(following, '--finish', '--yes');
      assert.deepEqual(
        [again.exitCode, again.stdout],
        [0, '0 to remove, 0 to keep, 0 without a counterpart.\n'],
      );
    }));

  test('--finish wants the tag with it where both are on the same agents', () =>
    moving(async (cluster) => {
      await registered(cluster, withAgents(''));
      const early = await cluster.command(withAgents(''), '--finish', '--yes');
      assert.equal(early.exitCode, 1);
      assert.match(
        early.stdout,
        /^! web at 10\.1\.0\.1:8080: the instance of kube-registrar lacks the tag "kubernetes"$/m,
      );
      await registered(cluster, withAgents('kubernetes'));
      const { exitCode, stdout, stderr } = await cluster.command(
        withAgents('kubernetes'),
        '--finish',
        '--yes',
      );
      assert.equal(exitCode, 0, stdout + stderr);
      assert.deepEqual([await cluster.ids('n1'), await cluster.ids('n2')], [[], []]);
      assert.deepEqual(cluster.passing('web'), ['client-1/10.1.0.1', 'client-2/10.1.0.2']);
    }));

  test('--finish removes nothing while a workload or a pod runs it', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.kube.addNamespace('default');
      cluster.kube.store.apply(workload('ReplicaSet', []) as never);
      const first = await cluster.command(following, '--finish', '--yes');
      assert.equal(first.exitCode, 1);
      assert.match(first.stderr, /ReplicaSet default\/kube-consul-register runs kube-consul-register/);
      cluster.kube.store.delete('replicasets.apps', 'default', program);
      const { spec: ended } = workload('Pod', []).spec.template;
      const ofPod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'ended', namespace: 'default' } };
      cluster.kube.store.apply({ ...ofPod, spec: ended, status: { phase: 'Succeeded' } } as never);
      const { spec } = workload('Pod', []).spec.template;
      cluster.kube.store.apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'ending', namespace: 'default' },
        spec,
        status: { phase: 'Running' },
      } as never);
      const second = await cluster.command(following, '--finish', '--yes');
      assert.match(second.stderr, /Pod default\/ending runs/);
      assert.deepEqual([await cluster.ids('n1'), await cluster.ids('n2')], [['web-1-main'], ['web-2-main']]);
    }));

  test('--finish removes nothing while an instance of kube-registrar is missing', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.putWith('late-1', {}, { ip: '10.1.0.5' });
      await cluster.register('n1', theirs('late-1', 'n1', '10.1.0.5'));
      const { exitCode, stdout, stderr } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stdout, /^! web at 10\.1\.0\.5:8080: kube-registrar has not registered it$/m);
      assert.match(stderr, /nothing was removed/);
      assert.deepEqual(await cluster.ids('n1'), ['late-1-main', 'web-1-main']);
    }));

  test('--finish knows what it has made of Services and Endpoints', () =>
    moving(async (cluster) => {
      await registered(cluster);
      const tags = ['kubernetes', 'uid:u-1'];
      const endpoint = { ID: 'gone-1-8080', Name: 'web', Address: '10.1.0.8', Tags: tags };
      await cluster.register('n1', endpoint);
      await cluster.register('n1', { ...endpoint, ID: 'web-1-8080', Address: '10.1.0.1' });
      cluster.kube.store.apply({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web', namespace: 'default' },
        spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] },
      } as never);
      const found = cluster.kube.store.get('services', 'default', 'web');
      for (const uid of [`${found?.metadata.uid}`, 'gone']) {
        await cluster.register('n1', {
          ...{ ID: `web-${uid}-10.0.0.1-30080`, Name: 'web', Address: '10.0.0.1', Port: 30_080 },
          Tags: ['kubernetes', `uid:${uid}`],
        });
      }
      const { exitCode, stdout } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.equal(stdout.match(/^- web at 10\.1\.0\.1:8080: .* takes its place$/gm)?.length, 2);
      assert.match(stdout, /^- web at 10\.1\.0\.8:8080: it no longer exists in the cluster$/m);
      assert.match(stdout, /^- web at 10\.0\.0\.1:30080: it no longer exists in the cluster$/m);
      assert.match(stdout, /^! web at 10\.0\.0\.1:30080: kube-registrar has not registered it$/m);
    }));

  test('--check says why a Service is not registered', () =>
    moving(async (cluster) => {
      cluster.kube.store.apply({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'out', namespace: 'default', annotations: { 'consul.register/enabled': 'true' } },
        spec: { type: 'NodePort', externalIPs: ['192.0.2.1'], ports: [{ port: 80, nodePort: 30080 }] },
      } as never);
      const uid = `${cluster.kube.store.get('services', 'default', 'out')?.metadata.uid}`;
      await cluster.register('n1', {
        ...{ ID: `out-${uid}-192.0.2.1-30080`, Name: 'out', Address: '192.0.2.1', Port: 30_080 },
        Tags: ['kubernetes', `uid:${uid}`],
      });
      const { kubeConsulRegister } = following.compatibility;
      const services = {
        compatibility: { kubeConsulRegister: { ...kubeConsulRegister, registerSource: 'service' } },
      };
      const { exitCode, stdout } = await cluster.command(services, '--check');
      assert.equal(exitCode, 2);
      assert.match(stdout, /^ {2}out at 192\.0\.2\.1:30080: Service default\/out: .*externalIPs/m);
    }));

  test('--finish takes what is at the agent of another machine for that of the pod', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.agents.n2 = cluster.addAgent('client-9', '10.9.0.1');
      cluster.putWith('late-1', {}, { ip: '10.1.0.5' });
      await cluster.register('n2', theirs('late-1', 'n1', '10.1.0.5'));
      const { exitCode, stdout } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stdout, /^! web at 10\.1\.0\.5:8080: kube-registrar has not registered it$/m);
    }));

  test("--finish does not take another cluster's instance for the counterpart", () =>
    moving(async (cluster) => {
      await registered(cluster, withAgents('kubernetes'));
      cluster.putWith('late-1', {}, { ip: '10.1.0.5' });
      const late = theirs('late-1', 'n1', '10.1.0.5');
      await cluster.register('n1', late);
      const stamp = { 'managed-by': 'kube-registrar', 'kube-cluster-uid': 'other', 'kube-cluster': 'b' };
      const Meta = { ...stamp, 'external-source': 'kubernetes' };
      await cluster.register('n1', { ...theirs('b-late', 'n1', '10.1.0.5'), Meta });
      const { exitCode, stdout } = await cluster.command(withAgents('kubernetes'), '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stdout, /^! web at 10\.1\.0\.5:8080: kube-registrar has not registered it$/m);
      assert.match(stdout, /^2 to remove, 0 to keep, 1 without a counterpart\.$/m);
    }));

  test('--finish believes the agent in what is there, and says when the catalog does not follow', () =>
    moving(async (cluster) => {
      await registered(cluster);
      const other = {
        ...{ ID: 'web-1-main', Service: 'web', Address: '10.1.0.1', Port: 9090, Tags: [], Meta: {} },
        ...{ TaggedAddresses: {}, Weights: { Passing: 1, Warning: 1 } },
      };
      cluster.agents.n1.intercept = ({ path: asked }) =>
        asked.startsWith('/v1/agent/services')
          ? { kind: 'answer', status: 200, body: JSON.stringify({ 'web-1-main': other }) }
          : assert.fail(`${asked} was asked for`);
      const { exitCode, stderr } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stderr, /the catalog still has 1 instances .* at the agents of "client-1"/);
      cluster.agents.n1.intercept = undefined;
      assert.deepEqual([await cluster.ids('n1'), await cluster.ids('n2')], [['web-1-main'], []]);
    }));

  test('--finish leaves what passes where ours does not', () =>
    moving(async (cluster) => {
      await registered(cluster);
      const [twin] = cluster.consul.outsider.services('kubernetes-n1');
      const check = { Node: 'kubernetes-n1', CheckID: `${twin?.ID}:readiness` };
      cluster.consul.outsider.putCheck({ ...check, Status: 'critical', Output: 'not ready' });
      const { exitCode, stdout } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stdout, /^= web at 10\.1\.0\.1:8080: .* does not pass: not ready$/m);
      assert.deepEqual([await cluster.ids('n1'), await cluster.ids('n2')], [['web-1-main'], []]);
    }));

  test('--finish leaves alone what is of another cluster', () =>
    moving(async (cluster) => {
      await registered(cluster);
      const other = cluster.addAgent('client-9', '10.9.0.1');
      cluster.agents.n2 = other;
      await cluster.register('n2', theirs('web-9', 'n9', '10.8.0.1'));
      const { exitCode, stdout } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 0, stdout);
      assert.match(stdout, /^1 are left alone: neither a pod nor their agent's machine shows/m);
      assert.deepEqual(await cluster.ids('n2'), ['web-9-main']);
    }));

  test('--finish keeps what may be of a pod that the configuration leaves out', () =>
    moving(async (cluster) => {
      const narrow = { ...following, kubernetes: { podLabelSelector: 'team=shop' } };
      const { exitCode, stdout } = await cluster.command(narrow, '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(
        stdout,
        /^= web at 10\.1\.0\.1:8080: cannot find out whether it still exists in the cluster/m,
      );
      assert.deepEqual(await cluster.ids('n1'), ['web-1-main']);
    }));

  test('--finish names an agent that does not answer, and finishes the others', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.agents.n1.intercept = () => ({ kind: 'answer', status: 500, body: 'busy' });
      const { exitCode, stdout, stderr } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stderr, /the agent of node "client-1" keeps its 1 instances: .*run this again/);
      assert.match(stdout, /Removed 1\./);
      cluster.agents.n1.intercept = undefined;
      assert.deepEqual([await cluster.ids('n1'), await cluster.ids('n2')], [['web-1-main'], []]);
      assert.equal((await cluster.command(following, '--finish', '--yes')).exitCode, 0);
      assert.deepEqual(await cluster.ids('n1'), []);
    }));

  test('--finish goes on beside an agent that does not answer where ours are on agents, too', () =>
    moving(async (cluster) => {
      await registered(cluster, withAgents('kubernetes'));
      cluster.agents.n1.intercept = () => ({ kind: 'hang' });
      const command = ['--finish', '--yes', '--timeout', '2m'] as const;
      const { exitCode, stderr } = await cluster.command(withAgents('kubernetes'), ...command);
      assert.equal(exitCode, 1);
      assert.match(stderr, /the agent of node "client-1" keeps its 1 instances/);
      cluster.agents.n1.intercept = undefined;
      assert.deepEqual([await cluster.ids('n1'), await cluster.ids('n2')], [['web-1-main'], []]);
    }));

  test('--finish says when it comes back', () =>
    moving(async (cluster) => {
      await registered(cluster);
      using _again = cluster.clock.schedule(60_000, () => {
        void cluster.register('n1', theirs('web-1', 'n1', '10.1.0.1'));
      });
      const { exitCode, stderr } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stderr, /1 instances have returned: kube-consul-register still runs somewhere/);
    }));

  test('--finish asks first', () =>
    moving(async (cluster) => {
      await registered(cluster);
      const { exitCode, stderr } = await cluster.command(following, '--finish');
      assert.equal(exitCode, 1);
      assert.match(stderr, /nothing was removed: use --yes/);
      assert.deepEqual(await cluster.ids('n1'), ['web-1-main']);
    }));

  test('--finish decides anew when it was answered', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.putWith('late-1', {}, { ip: '10.1.0.5' });
      const answering = (before: () => Promise<void>) => ({
        stdin: {
          isTTY: true,
          async *[Symbol.asyncIterator]() {
            await before();
            yield `${program}\n`;
          },
        },
        stdout: { isTTY: true, write: () => {} },
      });
      const register = () => cluster.register('n1', theirs('late-1', 'n1', '10.1.0.5'));
      const late = await cluster.command(following, '--finish', answering(register));
      assert.deepEqual(
        [late.exitCode, late.stderr],
        [1, 'error: nothing was removed, because the instances have changed in the meantime; run it again\n'],
      );
      assert.deepEqual(await cluster.ids('n1'), ['late-1-main', 'web-1-main']);
      await cluster.deregister('n1', 'late-1-main');
      const done = await cluster.command(
        following,
        '--finish',
        answering(async () => {}),
      );
      assert.equal(done.exitCode, 0, done.stderr);
      assert.deepEqual(await cluster.ids('n1'), []);
    }));

  test('--finish gives the token to nobody that cannot prove to be an agent', () =>
    moving(async (cluster) => {
      await registered(cluster);
      const token = { ...following, consul: { token: 't' } };
      const { exitCode, stderr } = await cluster.command(token, '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stderr, /the Consul token would go to whatever listens at http:\/\/\{address\}:8500/);
      for (const wrong of ['http://10.0.0.1:8500', 'http://{address}:8500/v1', 'ftp://{address}']) {
        const refused = await cluster.command(following, '--finish', '--yes', '--agent-address', wrong);
        assert.match(refused.stderr, /is not the address of an agent/);
      }
      assert.deepEqual(await cluster.ids('n1'), ['web-1-main']);
    }));
});
