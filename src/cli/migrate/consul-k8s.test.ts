import assert from 'node:assert/strict';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { SmallCluster } from '../../../test/support/small-cluster.ts';
import { consulK8sId } from '../../desired/dialects/consul-k8s.ts';

const following = { compatibility: { consulK8s: { enabled: true } } };
const node = 'k8s-sync';
const kept = { 'external-source': 'kubernetes', 'external-k8s-ns': 'shop' };

/** A Service with two endpoints, which a consul-k8s has registered, too. */
class Moving extends SmallCluster {
  readonly #directory: string;

  constructor(directory: string) {
    super();
    this.#directory = directory;
    this.putPod('web-1', {}, { namespace: 'shop', ip: '10.1.0.1' });
    this.putPod('web-2', {}, { namespace: 'shop', ip: '10.1.0.2', node: 'n2' });
    this.putService('web', {});
    this.putEndpoints('web', ['10.1.0.1', '10.1.0.2']);
  }

  putService(name: string, annotations: Readonly<Record<string, string>>): void {
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop', annotations },
      spec: { type: 'ClusterIP', ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    } as never);
  }

  /** The first is on n1, the others on n2. */
  putEndpoints(service: string, addresses: readonly string[], ready = true): void {
    this.kube.store.apply({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${service}-a`,
        namespace: 'shop',
        labels: { 'kubernetes.io/service-name': service },
      },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: addresses.map((address, index) => ({
        addresses: [address],
        nodeName: index === 0 ? 'n1' : 'n2',
        conditions: { ready },
      })),
    } as never);
  }

  /** What consul-k8s writes for an endpoint. */
  putTheirs(address: string, fields: { readonly service?: string; readonly tags?: string[] } = {}): void {
    const { service = 'web-shop', tags = ['k8s'] } = fields;
    const { outsider } = this.consul;
    outsider.putNode({ Node: node, Address: '127.0.0.1', Meta: { 'external-source': 'kubernetes' } });
    const id = consulK8sId(service, address);
    const meta = { ...kept, 'port-http': '80' };
    outsider.putService(node, {
      ID: id,
      Service: service,
      Address: address,
      Port: 8080,
      Tags: tags,
      Meta: meta,
    });
    const check = { Node: node, CheckID: `shop/${id}`, ServiceID: id, ServiceName: service };
    outsider.putCheck({ ...check, Name: 'Kubernetes Readiness Check', Status: 'passing' });
  }

  get theirs(): string[] {
    return this.consul.outsider.services(node).map(({ Address }) => Address);
  }

  async command(...argv: readonly string[]) {
    const config = path.join(this.#directory, 'config.yaml');
    await writeFile(config, JSON.stringify(following));
    return this.run(['migrate', 'consul-k8s', ...argv, '--config', config]);
  }
}

async function moving(work: (cluster: Moving) => Promise<void>): Promise<void> {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'migrate-'));
  await work(new Moving(directory.path));
}

/** Both have registered everything; ours has ended. */
async function registered(cluster: Moving): Promise<void> {
  for (const address of ['10.1.0.1', '10.1.0.2']) cluster.putTheirs(address);
  const operator = cluster.start(following);
  await cluster.clock.advance(1_000);
  await operator.stop();
}

const deployment = (args: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'consul-sync-catalog', namespace: 'consul' },
  spec: {
    selector: { matchLabels: { app: 'consul' } },
    template: {
      metadata: { labels: { app: 'consul' } },
      spec: {
        nodeSelector: { disk: 'ssd' },
        containers: [
          {
            name: 'sync-catalog',
            image: 'x',
            command: ['/bin/sh', '-ec', `exec consul-k8s-control-plane sync-catalog \\\n${args}`],
            env: [
              { name: 'CONSUL_ADDRESSES', value: 'consul-server.consul.svc' },
              { name: 'CONSUL_HTTP_PORT', value: '8501' },
              { name: 'CONSUL_USE_TLS', value: 'true' },
            ],
          },
        ],
      },
    },
  },
});

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
        `# Add consulCredentials or config.consul.acl if Consul asks for a token, and caBundle for TLS.
# It writes every 10s (consulWriteInterval): give --finish --write-interval 10s.
# Not taken over, because it is not known: the flag -newest.
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
        /# Not taken over: the sync from Consul to Kubernetes \(toK8S\)\.\n# Not taken over: addresses of Ingr/,
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
        '1 would not pass any more:',
        '  down-shop at 10.1.0.7:8080: Endpoint is not ready',
        '1 would not be registered:',
        '  bad-shop at 10.1.0.8:8080: Service shop/bad: service-port "80" is registered by consul-k8s as it is, and no port of the Service has it as its targetPort; write the name of a port',
        '1 would be removed by consul-k8s while it runs: they have its tag and not its id; set compatibility.consulK8s.ids',
        `  web-shop at 10.1.0.2:8080: ${consulK8sId('web-shop', '10.1.0.2')}`,
        '1 are of pods or Services that are gone.',
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

  test('--finish removes what ours stands in for, and the node; again it has nothing to do', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.putTheirs('10.1.0.9');
      const { exitCode, stdout } = await cluster.command('--finish', '--yes');
      assert.equal(exitCode, 0, stdout);
      assert.match(
        stdout,
        /^- web-shop at 10\.1\.0\.\d:8080: web-shop-\w+ on node "kubernetes-n\d" takes its place$/m,
      );
      assert.match(stdout, /^- web-shop at 10\.1\.0\.9:8080: the cluster has it no more$/m);
      assert.match(stdout, /- node "k8s-sync"\n3 to remove, 0 stay, 0 without a counterpart\.\nRemoved\./);
      assert.ok(!cluster.consul.outsider.nodes().some(({ Node }) => Node === node));
      assert.equal(cluster.passing('web-shop').length, 2);
      const again = await cluster.command('--finish', '--yes');
      assert.deepEqual(
        [again.exitCode, again.stdout],
        [0, 'Nothing to remove: Consul has no node "k8s-sync".\n'],
      );
    }));

  test('--finish removes nothing while the Deployment is there', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.kube.addNamespace('consul');
      cluster.kube.store.apply(deployment('-to-k8s=false') as never);
      const { exitCode, stderr } = await cluster.command('--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stderr, /Deployment consul\/consul-sync-catalog still runs/);
      assert.equal(cluster.theirs.length, 2);
    }));

  test('--finish removes nothing while an instance of kube-registrar is missing', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.putEndpoints('web', ['10.1.0.1', '10.1.0.2', '10.1.0.3']);
      cluster.putTheirs('10.1.0.3');
      const { exitCode, stdout, stderr } = await cluster.command('--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stdout, /^! web-shop at 10\.1\.0\.3:8080: kube-registrar has not registered it$/m);
      assert.match(stderr, /nothing was removed/);
      assert.equal(cluster.theirs.length, 3);
    }));

  test('--finish leaves what passes where ours does not', () =>
    moving(async (cluster) => {
      await registered(cluster);
      const [twin] = cluster.consul.outsider.services('kubernetes-n1');
      const CheckID = `${twin?.ID}:readiness`;
      cluster.consul.outsider.putCheck({
        Node: 'kubernetes-n1',
        CheckID,
        Status: 'critical',
        Output: 'not ready',
      });
      const { exitCode, stdout } = await cluster.command('--finish', '--yes');
      assert.equal(exitCode, 1);
      assert.match(stdout, /^= web-shop at 10\.1\.0\.1:8080: .* does not pass: not ready$/m);
      assert.deepEqual(cluster.theirs, ['10.1.0.1']);
    }));

  test('--finish asks first, and leaves what others have on the node', () =>
    moving(async (cluster) => {
      await registered(cluster);
      cluster.consul.outsider.putService(node, { ID: 'db', Service: 'db', Port: 5432 });
      const asked = await cluster.command('--finish');
      assert.equal(asked.exitCode, 1);
      assert.match(asked.stderr, /give --yes/);
      assert.equal(cluster.theirs.length, 3);
      assert.equal((await cluster.command('--finish', '--yes')).exitCode, 0);
      assert.deepEqual(
        cluster.consul.outsider.services(node).map(({ ID }) => ID),
        ['db'],
      );
    }));
});
