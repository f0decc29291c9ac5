import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { consulK8sId } from '../../src/desired/dialects/consul-k8s.ts';
import { SmallCluster } from './small-cluster.ts';

export const following = { compatibility: { consulK8s: { enabled: true } } };
/** On which consul-k8s registers. */
export const node = 'k8s-sync';
const kept = { 'external-source': 'kubernetes', 'external-k8s-ns': 'shop' };

/** A Service with two endpoints, which a consul-k8s has registered, too. */
export class Moving extends SmallCluster {
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
  putTheirs(
    address: string,
    fields: { readonly service?: string; readonly tags?: string[]; readonly meta?: object } = {},
  ): void {
    const { service = 'web-shop', tags = ['k8s'] } = fields;
    const { outsider } = this.consul;
    outsider.putNode({ Node: node, Address: '127.0.0.1', Meta: { 'external-source': 'kubernetes' } });
    const id = consulK8sId(service, address);
    const meta = { ...kept, 'port-http': '80', ...fields.meta };
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

  /** The check of the instance of kube-registrar on this node becomes this. */
  fail(kubeNode: string, Status = 'critical', Output = 'not ready'): void {
    const Node = `kubernetes-${kubeNode}`;
    const [twin] = this.consul.outsider.services(Node);
    this.consul.outsider.putCheck({ Node, CheckID: `${twin?.ID}:readiness`, Status, Output });
  }

  get theirs(): string[] {
    return this.consul.outsider.services(node).map(({ Address }) => Address);
  }

  async command(...argv: readonly string[]) {
    return this.run(await this.#commandLine(argv));
  }

  /** A person is shown what is printed so far, and answers. */
  async asked(answer: (shown: string) => string, ...argv: readonly string[]) {
    let shown = '';
    const stdin = {
      isTTY: true,
      async *[Symbol.asyncIterator]() {
        yield answer(shown);
      },
    };
    const stdout = {
      isTTY: true,
      write: (text: string) => {
        shown += text;
      },
    };
    const { exitCode, stderr } = await this.run(await this.#commandLine(argv), { stdin, stdout });
    return { exitCode, stderr, stdout: shown };
  }

  async #commandLine(argv: readonly string[]): Promise<string[]> {
    const config = path.join(this.#directory, 'config.yaml');
    await writeFile(config, JSON.stringify(following));
    return ['migrate', 'consul-k8s', ...argv, '--config', config];
  }
}

export async function moving(work: (cluster: Moving) => Promise<void>): Promise<void> {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'migrate-'));
  await work(new Moving(directory.path));
}

/** Both have registered everything; ours has ended. */
export async function registered(cluster: Moving): Promise<void> {
  for (const address of ['10.1.0.1', '10.1.0.2']) cluster.putTheirs(address);
  const operator = cluster.start(following);
  await cluster.clock.advance(1_000);
  await operator.stop();
}

export const deployment = (args: string) => ({
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
