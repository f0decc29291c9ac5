import assert from 'node:assert/strict';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { AgentsMoving, type TheirService } from '../../../test/support/agents-moving.ts';

const program = 'registrator';
const following = { compatibility: { registrator: { enabled: true } } };

/** As registrator writes it for a container of Kubernetes. */
const theirs = (pod: string, Address: string, more: Partial<TheirService> = {}): TheirService => ({
  ID: `n1:k8s_main_${pod}_shop_0000-1111_0:8080`,
  Name: 'web',
  Address,
  Tags: ['blue'],
  Meta: { team: 'shop', check_http: '/', check_interval: '5s' },
  ...more,
});

/** Two pods with annotations of kube-registrar, each registered with the agent of its node. */
async function moving(work: (cluster: AgentsMoving) => Promise<void>): Promise<void> {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'migrate-'));
  const cluster = new AgentsMoving(program, directory.path);
  const annotations = { service: 'web', tags: 'blue', 'meta.team': 'shop' };
  cluster.putPod('web-1', annotations, { namespace: 'shop', node: 'n1', ip: '10.1.0.1' });
  cluster.putPod('web-2', annotations, { namespace: 'shop', node: 'n2', ip: '10.1.0.2' });
  await cluster.register('n1', theirs('web-1', '10.1.0.1'));
  await cluster.register('n2', theirs('web-2', '10.1.0.2'));
  await work(cluster);
}

async function registered(cluster: AgentsMoving): Promise<void> {
  const operator = cluster.start();
  await cluster.clock.advance(10_000);
  await operator.stop();
}

const daemonSet = (containers: readonly object[], name = program) => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name, namespace: 'shop' },
  spec: {
    selector: { matchLabels: { app: 'x' } },
    template: { metadata: { labels: { app: 'x' } }, spec: { containers } },
  },
});

describe('kube-registrar migrate registrator', () => {
  test('writes Helm values from the arguments of the DaemonSet', () =>
    moving(async (cluster) => {
      const args = ['-internal', '-tags', 'a,b\\,c', '-deregister=on-success', 'consul://$(HOST_IP):8500'];
      cluster.kube.store.apply(
        daemonSet([{ name: 'main', image: 'gliderlabs/registrator:v7', args }]) as never,
      );
      const { exitCode, stdout, stderr } = await cluster.run(['migrate', program]);
      assert.equal(exitCode, 0, stderr);
      assert.equal(
        stdout,
        `# Add config.consul.addresses, the addresses of Consul.
# Without registration.mode "agent" nothing depends on agents: see agent-mode.md.
# Add consulCredentials or config.consul.acl if Consul requires a token, and caBundle for TLS.
# Not migrated: the tag "b,c" of -tags; see baseTags.
# Not migrated: -deregister=on-success. An instance is removed with its pod, however the pod ended.
# Containers without SERVICE_NAME have the name of their image there (no -explicit) and are left alone here: write SERVICE_NAME, or kube-registrar.io/service.
# Its variables in pod templates are used. Kubernetes does not know the variables, ports and labels of images.
config:
  registration:
    mode: agent
    agent:
      scheme: http
      port: 8500
  baseTags:
    - a
  compatibility:
    registrator:
      enabled: true
`,
      );
    }));

  test('takes arguments where it runs in no workload, and refuses other registries', () =>
    moving(async (cluster) => {
      const template = '-tags={{.Name}},x consul://localhost';
      const forced = await cluster.run(['migrate', program, '--arguments', template]);
      assert.match(forced.stdout, /^# Not migrated: the tag "\{\{\.Name\}\},x" of -tags/m);
      assert.doesNotMatch(forced.stdout, /baseTags:/);
      const line = '-ip 192.0.2.7 -explicit consul-tls://consul.example:8501';
      const { stdout } = await cluster.run(['migrate', program, '--arguments', line]);
      assert.match(stdout, /^# Not migrated: -ip="192\.0\.2\.7"\./m);
      assert.match(stdout, /^# Every port that a container declares .*address: host\.$/m);
      assert.match(stdout, /addresses:\n {6}- https:\/\/consul\.example:8501\n/);
      const other = await cluster.run(['migrate', program, '--arguments', 'etcd://localhost:4001']);
      assert.equal(other.exitCode, 1);
      assert.match(other.stderr, /its registry is "etcd:\/\/localhost:4001"/);
    }));

  test('--check compares what it registered of pods, without the meta of its checks', () =>
    moving(async (cluster) => {
      await cluster.register('n1', { ...theirs('x', '10.0.0.1'), ID: 'n1:redis:6379' });
      const { exitCode, stdout } = await cluster.command(following, '--check');
      assert.deepEqual(
        [exitCode, stdout],
        [0, '2 of 2 instances of pods that registrator has registered match.\n'],
      );
    }));

  test('--check takes an entry without address for one at the address of the machine', () =>
    moving(async (cluster) => {
      const hosted = { service: 'proxy', port: 'http', address: 'host' };
      cluster.putPod('proxy-1', hosted, { namespace: 'shop', node: 'n1', ip: '10.0.0.1' });
      await cluster.register('n1', theirs('proxy-1', '', { Name: 'proxy' }));
      const { stdout } = await cluster.command(following, '--check');
      assert.match(stdout, /^ {2}proxy at 10\.0\.0\.1:8080: /m);
    }));

  test('--finish deregisters what is of pods, and leaves other containers alone', () =>
    moving(async (cluster) => {
      await registered(cluster);
      await cluster.register('n1', { ID: 'n1:redis:6379', Name: 'redis', Address: '10.0.0.1' });
      await cluster.register('n2', theirs('ended-1', '10.1.0.9'));
      const { exitCode, stdout, stderr } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 0, stdout + stderr);
      assert.match(stdout, /Removed 3\. Watching for 12s/);
      assert.deepEqual([await cluster.ids('n1'), await cluster.ids('n2')], [['n1:redis:6379'], []]);
      assert.deepEqual(cluster.passing('web'), ['kubernetes-n1/10.1.0.1', 'kubernetes-n2/10.1.0.2']);
    }));

  test('--finish keeps an entry at an address of its pod that the cluster does not know', () =>
    moving(async (cluster) => {
      await registered(cluster);
      await cluster.register('n1', theirs('web-1', '192.0.2.7'));
      const { exitCode, stdout } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(
        stdout,
        /^= web at 192\.0\.2\.7:8080: cannot find out whether it still exists in the cluster/m,
      );
      assert.equal((await cluster.ids('n1')).length, 1);
    }));

  test('--finish removes nothing while the DaemonSet is there', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.kube.store.apply(
        daemonSet([{ name: 'main', image: 'registry.example:5000/registrator@sha256:1' }]) as never,
      );
      const { exitCode, stderr } = await cluster.command(following, '--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stderr, /DaemonSet shop\/registrator runs registrator/);
      assert.equal((await cluster.ids('n1')).length, 1);
    }));
});
