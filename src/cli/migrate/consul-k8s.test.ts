import assert from 'node:assert/strict';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { deployment, moving, node } from '../../../test/support/consul-k8s-cluster.ts';
import { consulK8sId } from '../../desired/dialects/consul-k8s.ts';

describe('kube-registrar migrate consul-k8s', () => {
  test('writes Helm values from the arguments of the running Deployment', () =>
    moving(async (cluster) => {
      cluster.kube.addNamespace('consul');
      const flags = [
        '-log-level=info',
        '-k8s-default-sync=false',
        '-to-k8s=false',
        '-consul-node-name=k8s-a',
        '-allow-k8s-namespace="shop"',
        '-allow-k8s-namespace="pay"',
        '-deny-k8s-namespace="kube-system"',
        '-add-k8s-namespace-suffix',
        '-node-port-sync-type=InternalOnly',
        '-consul-write-interval=10s',
        '-partition=team',
        '-log-json=true',
        '-newest',
      ];
      cluster.kube.store.apply(deployment(flags.map((flag) => `  ${flag} \\\n`).join('')) as never);
      const { exitCode, stdout } = await cluster.run(['migrate', 'consul-k8s']);
      assert.equal(exitCode, 0);
      assert.equal(
        stdout,
        `# Add consulCredentials or config.consul.acl if Consul requires a token, and caBundle for TLS.
# It writes every 10s (consulWriteInterval): run --finish with --write-interval 10s.
# Not migrated, because it is unknown: the flag -newest.
nodeSelector:
  disk: ssd
config:
  consul:
    addresses:
      - https://consul-server.consul.svc:8501
    partition: team
  compatibility:
    consulK8s:
      enabled: true
      default: false
      nodePortSyncType: InternalOnly
      consulNodeName: k8s-a
      k8sAllowNamespaces:
        - shop
        - pay
      k8sDenyNamespaces:
        - kube-system
`,
      );
    }));

  test('says where no Deployment runs it, and reads the values of its chart instead', () =>
    moving(async (cluster) => {
      const { exitCode, stderr } = await cluster.run(['migrate', 'consul-k8s']);
      assert.equal(exitCode, 1);
      assert.match(stderr, /no Deployment runs .*give --chart-values/);
      await using directory = await mkdtempDisposable(path.join(tmpdir(), 'chart-'));
      const file = path.join(directory.path, 'values.yaml');
      await writeFile(
        file,
        'syncCatalog: { enabled: true, default: false, consulPrefix: null, toK8S: true, ingress: { enabled: true } }',
      );
      const { stdout } = await cluster.run(['migrate', 'consul-k8s', '--chart-values', file]);
      assert.match(
        stdout,
        /# Not migrated: the sync from Consul to Kubernetes \(toK8S\)\.\n# Not migrated: addresses of Ingr/,
      );
      assert.match(stdout, /consulK8s:\n {6}enabled: true\n {6}default: false\n$/);
      await writeFile(file, 'syncCatalog: { nodePortSyncType: Nowhere }');
      const wrong = await cluster.run(['migrate', 'consul-k8s', '--chart-values', file]);
      assert.equal(wrong.exitCode, 1);
      assert.match(wrong.stderr, /nodePortSyncType/);
    }));

  test('--check says that all match, and exits with 0', () =>
    moving(async (cluster) => {
      for (const address of ['10.1.0.1', '10.1.0.2']) cluster.putTheirs(address);
      const { exitCode, stdout, stderr } = await cluster.command('--check');
      assert.deepEqual([exitCode, stdout, stderr], [0, '2 of 2 instances on node "k8s-sync" match.\n', '']);
      const json = await cluster.command('--check', '-o', 'json');
      assert.deepEqual([json.exitCode, JSON.parse(json.stdout).summary.matching], [0, 2]);
    }));

  test('--check says what differs, what would be critical and what would be missing, and why', () =>
    moving(async (cluster) => {
      cluster.putTheirs('10.1.0.1', { tags: ['k8s', 'blue'] });
      cluster.putService('down', {});
      cluster.putEndpoints('down', ['10.1.0.7'], false);
      cluster.putTheirs('10.1.0.7', { service: 'down-shop' });
      cluster.putService('bad', { 'consul.hashicorp.com/service-port': '80' });
      cluster.putEndpoints('bad', ['10.1.0.8']);
      cluster.putTheirs('10.1.0.8', { service: 'bad-shop' });
      cluster.putTheirs('10.1.0.9');
      const { exitCode, stdout } = await cluster.command('--check');
      assert.equal(exitCode, 2);
      assert.deepEqual(stdout.split('\n').slice(0, -1), [
        '0 of 3 instances on node "k8s-sync" match.',
        '1 differ:',
        '  web-shop at 10.1.0.1:8080: tag "blue" is missing',
        '1 would no longer pass:',
        '  down-shop at 10.1.0.7:8080: Endpoint is not ready',
        '1 would not be registered:',
        '  bad-shop at 10.1.0.8:8080: Service shop/bad: service-port "80" is registered by consul-k8s unchanged, but no port of the Service has it as its targetPort; write the name of a port',
        '1 would be removed by consul-k8s while it runs, because they have its tag but not its id; set compatibility.consulK8s.ids',
        `  web-shop at 10.1.0.2:8080: ${consulK8sId('web-shop', '10.1.0.2')}`,
        '1 belong to no pod or Service of this cluster.',
        '1 more are registered by kube-registrar.',
      ]);
    }));

  test('--check -o json and yaml give the same to scripts, with the same exit codes', () =>
    moving(async (cluster) => {
      cluster.putTheirs('10.1.0.2');
      const equal = await cluster.command('--check', '-o', 'json');
      const place = { service: 'web-shop', address: '10.1.0.2', port: 8080 };
      const id = consulK8sId('web-shop', '10.1.0.2');
      const nothing = { differences: [], losesHealth: null, whyMissing: null };
      const all = { matching: 1, differing: 0, losingHealth: 0, missing: 0, gone: 0, removed: 0, more: 1 };
      assert.equal(equal.exitCode, 2, 'consul-k8s would remove the other');
      assert.deepEqual(JSON.parse(equal.stdout), {
        node,
        instances: [{ ...place, id, outcome: 'matches', ours: id, ...nothing }],
        removed: [{ ...place, address: '10.1.0.1', id: consulK8sId('web-shop', '10.1.0.1') }],
        summary: { ...all, removed: 1 },
      });

      cluster.putTheirs('10.1.0.1', { tags: ['k8s', 'bl\u202eue'] });
      cluster.putService('bad', { 'consul.hashicorp.com/service-port': '80' });
      cluster.putEndpoints('bad', ['10.1.0.8']);
      cluster.putTheirs('10.1.0.8', { service: 'bad-shop' });
      cluster.putTheirs('10.1.0.9');
      const [json, yaml] = [
        await cluster.command('--check', '-o', 'json'),
        await cluster.command('--check', '--output=yaml'),
      ];
      assert.deepEqual([json.exitCode, yaml.exitCode], [2, 2]);
      const found = JSON.parse(json.stdout);
      assert.deepEqual(parse(yaml.stdout), found);
      assert.ok(![json.stdout, yaml.stdout].some((text) => text.includes('\u202e')));
      assert.deepEqual(
        found.instances
          .map(({ address, outcome }: { address: string; outcome: string }) => [address, outcome])
          .sort(),
        [
          ['10.1.0.1', 'differs'],
          ['10.1.0.2', 'matches'],
          ['10.1.0.8', 'missing'],
          ['10.1.0.9', 'gone'],
        ],
      );
      assert.deepEqual(found.summary, { ...all, differing: 1, missing: 1, gone: 1, more: 0 });
    }));

  test('-o is for --check', () =>
    moving(async (cluster) => {
      for (const argv of [
        ['-o', 'json'],
        ['-o', 'yaml', '--finish', '--yes'],
      ]) {
        const { exitCode, stdout, stderr } = await cluster.command(...argv);
        assert.deepEqual([exitCode, stdout], [1, '']);
        assert.match(stderr, /option '--output (json|yaml)' needs '--check'/);
      }
    }));

  test('--check and --finish need a configuration that follows consul-k8s', () =>
    moving(async (cluster) => {
      const { exitCode, stderr } = await cluster.run(['migrate', 'consul-k8s', '--check']);
      assert.equal(exitCode, 1);
      assert.match(stderr, /compatibility.consulK8s.enabled is not set/);
    }));
});
