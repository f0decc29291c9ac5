/**
 * Prometheus, HAProxy and nginx as docs/consume.md configures them, on pods that the operator registers. The
 * pods have loopback addresses, at which the tests answer.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { guideFile } from '../support/guide.ts';
import { startConsul } from '../support/real/consul.ts';
import { startConsumer } from '../support/real/consumer.ts';
import { JsonClient } from '../support/real/http.ts';
import { freePorts } from '../support/real/ports.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import type { Namespace } from '../support/real/workloads.ts';

const page = 'consume.md';

let stage: Stage;
let shop: Namespace;
const listening = new Map<string, Server>();

before(async () => {
  stage = await startStage({ kubelet: { podNetwork: 127 } });
  shop = await stage.namespace('shop');
});

after(async () => {
  for (const pod of listening.keys()) stopAnswering(pod);
  await stage?.[Symbol.asyncDispose]();
});

/** A Ready pod that answers every HTTP request at its address and port with its name, as a metric of that name. */
async function addPod(name: string, annotations: Readonly<Record<string, string>>): Promise<void> {
  await shop.addPod(name, { port: 'http', ...annotations });
  const address = await stage.eventually(`${name} has an address`, async () => {
    const pod = (await shop.pods()).find(({ metadata }) => metadata.name === name);
    return pod?.status?.podIP ?? assert.fail('none yet');
  });
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4', connection: 'close' });
    response.end(`pod{name="${name}"} 1\n`);
  });
  await new Promise<void>((resolve) => server.listen(8080, address, resolve));
  listening.set(name, server);
}

function stopAnswering(name: string): void {
  const server = listening.get(name);
  server?.closeAllConnections();
  server?.close();
  listening.delete(name);
}

/** The pod ends; it answers no longer. */
async function endPod(name: string): Promise<void> {
  await shop.deletePod(name);
  stopAnswering(name);
}

/** Who answers at a port of ours. */
async function answer(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(5_000),
  });
  const text = await response.text();
  return /name="([^"]+)"/.exec(text)?.[1] ?? assert.fail(`${response.status} ${text}`);
}

/** Waits until exactly these pods answer at the port: all of them, and nobody else, in twenty requests. */
function answering(port: number, ...pods: string[]): Promise<unknown> {
  return stage.eventually(`${pods.join(', ')} answer at ${port}`, async () => {
    const seen = new Set<string>();
    for (let turn = 0; turn < 20; turn += 1) seen.add(await answer(port));
    assert.deepEqual([...seen].sort(), pods.toSorted());
  });
}

const reachable = (port: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });

suite('Prometheus', () => {
  test('scrapes the pods that pass, with labels from tags and meta, as they come and go', async () => {
    const [port] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    await addPod('api-1', {
      service: 'api',
      protocol: 'http',
      tags: 'metrics,version=1.2',
      'meta.metrics_path': '/internal/metrics',
    });
    await addPod('grpc-1', { service: 'grpc', protocol: 'grpc', tags: 'metrics' });
    await addPod('quiet-1', { service: 'quiet', protocol: 'http' });
    await using prometheus = new JsonClient({ url });
    await using _process = await startConsumer({
      program: 'prometheus',
      config: () =>
        guideFile(page, 'prometheus.yml', {
          '127.0.0.1:8500': stage.consul.url.replace('http://', ''),
          'scrape_interval: 15s': 'scrape_interval: 1s',
        }),
      args: (config, directory) => [
        `--config.file=${config}`,
        `--storage.tsdb.path=${directory}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      ready: async () => (await fetch(`${url}/-/ready`)).ok,
    });
    const targets = async () => {
      const { data } = await prometheus.get<{ data: { activeTargets: Target[] } }>('/api/v1/targets');
      return data.activeTargets
        .filter(({ health }) => health === 'up')
        .map(({ scrapeUrl, labels }) => ({ scrapeUrl, labels }))
        .sort((a, b) => (a.labels['pod']! < b.labels['pod']! ? -1 : 1));
    };
    const scraped = (...pods: string[]) =>
      stage.eventually(`${pods.join(', ')} scraped`, async () => {
        const found = await targets();
        assert.deepEqual(
          found.map(({ labels }) => labels['pod']),
          pods,
        );
        return found;
      });
    const [api] = await scraped('api-1');
    const address = new URL(api!.scrapeUrl).host;
    assert.match(address, /^127\.\d+\.\d+\.\d+:8080$/);
    assert.equal(new URL(api!.scrapeUrl).pathname, '/internal/metrics');
    assert.deepEqual(api!.labels, {
      instance: address,
      job: 'pods',
      namespace: 'shop',
      pod: 'api-1',
      service: 'api',
      version: '1.2',
    });
    const query = '/api/v1/query?query=pod';
    await stage.eventually('the sample is stored', async () => {
      const { data } = await prometheus.get<{ data: { result: { metric: object }[] } }>(query);
      assert.equal(data.result.length, 1);
    });

    await addPod('api-2', { service: 'api', protocol: 'http', tags: 'metrics' });
    const [, second] = await scraped('api-1', 'api-2');
    assert.equal(new URL(second!.scrapeUrl).pathname, '/metrics');
    stage.kubelet.setUnready('shop', 'api-1');
    await scraped('api-2');
    stage.kubelet.setReady('shop', 'api-1');
    await scraped('api-1', 'api-2');
    await endPod('api-2');
    await scraped('api-1');
  });
});

suite('Prometheus with ACLs', () => {
  test('shows Consul its token', async () => {
    await using consul = await startConsul({ acl: true });
    await consul.api.put('/v1/catalog/register', {
      Node: 'synthetic',
      Address: '127.0.0.1',
      Service: {
        Service: 'api',
        Port: 1,
        Tags: ['metrics'],
        Meta: { 'external-source': 'kubernetes', protocol: 'http', 'kube-pod': 'api-1' },
      },
    });
    await consul.api.put('/v1/acl/policy', {
      Name: 'read',
      Rules: 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }',
    });
    const { SecretID } = await consul.api.put<{ SecretID: string }>('/v1/acl/token', {
      Policies: [{ Name: 'read' }],
    });
    const [port] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    await using prometheus = new JsonClient({ url });
    await using _process = await startConsumer({
      program: 'prometheus',
      config(directory) {
        writeFileSync(join(directory, 'token'), SecretID);
        return guideFile(page, 'prometheus.yml', {
          '127.0.0.1:8500': consul.url.replace('http://', ''),
          '# datacenter:': 'datacenter:',
          '# authorization:': 'authorization:',
          '/etc/prometheus/consul-token': join(directory, 'token'),
        });
      },
      args: (config, directory) => [
        `--config.file=${config}`,
        `--storage.tsdb.path=${directory}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      ready: async () => (await fetch(`${url}/-/ready`)).ok,
    });
    await stage.eventually('the pod is a target', async () => {
      const { data } = await prometheus.get<{ data: { activeTargets: Target[] } }>('/api/v1/targets');
      assert.deepEqual(
        data.activeTargets.map(({ labels }) => labels['pod']),
        ['api-1'],
      );
    });
  });
});

interface Target {
  readonly scrapeUrl: string;
  readonly health: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** HAProxy as the page has it, in front of the service `web` or another one. */
async function startHaproxy(service: string): Promise<AsyncDisposable & { readonly port: number }> {
  const [port = 0] = await freePorts(1);
  const started = await startConsumer({
    program: 'haproxy',
    config: () =>
      guideFile(page, 'haproxy.cfg', {
        '127.0.0.1:8600': `127.0.0.1:${stage.consul.dnsPort}`,
        '127.0.0.1:8080': `127.0.0.1:${port}`,
        '_web._tcp': `_${service}._tcp`,
      }),
    args: (config) => ['-db', '-f', config],
    ready: () => reachable(port),
  });
  return { port, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() };
}

suite('HAProxy', () => {
  test('balances over the pods of the SRV records, takes up a new one and drops those that go', async () => {
    await addPod('web-1', { service: 'web' });
    await using haproxy = await startHaproxy('web');
    const { port } = haproxy;
    await answering(port, 'web-1');
    for (const pod of ['web-2', 'web-3', 'web-4', 'web-5']) await addPod(pod, { service: 'web' });
    await answering(port, 'web-1', 'web-2', 'web-3', 'web-4', 'web-5');
    // Not Ready is enough: it goes on answering, and is asked no longer.
    stage.kubelet.setUnready('shop', 'web-1');
    await answering(port, 'web-2', 'web-3', 'web-4', 'web-5');
    await endPod('web-2');
    await endPod('web-3');
    await answering(port, 'web-4', 'web-5');
    stage.kubelet.setReady('shop', 'web-1');
    await answering(port, 'web-1', 'web-4', 'web-5');

    const [consul] = stage.consul.servers;
    await consul!.stop();
    for (let second = 0; second < 5; second += 1) {
      for (let turn = 0; turn < 4; turn += 1) await answer(port);
      await delay(1_000);
    }
    await endPod('web-4');
    await consul!.start();
    await answering(port, 'web-1', 'web-5');
  });

  test('gives each pod its share by weight, a unit for every 256', async () => {
    await addPod('light', { service: 'heavy', weight: '1' });
    await addPod('heavy', { service: 'heavy', weight: '2560' });
    await using haproxy = await startHaproxy('heavy');
    await stage.eventually('eleven times out of twelve', async () => {
      const answers = await Promise.all(Array.from({ length: 24 }, () => answer(haproxy.port)));
      assert.equal(answers.filter((pod) => pod === 'heavy').length, 22);
    });
  });
});

/** Where nginx writes, which by default is where only root may. */
const withinDirectory = (directory: string): string =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${directory}/${kind};`)
    .concat('access_log off;')
    .join(' ');

suite('nginx', () => {
  test('follows the A records of a service', async () => {
    const [port] = await freePorts(1);
    await addPod('page-1', { service: 'page' });
    await using _process = await startConsumer({
      program: 'nginx',
      config: (directory) =>
        guideFile(page, 'nginx.conf', {
          'http {': `http { ${withinDirectory(directory)}`,
          '127.0.0.1:8600': `127.0.0.1:${stage.consul.dnsPort}`,
          'listen 127.0.0.1:8080': `listen 127.0.0.1:${port}`,
          'web.service.consul': 'page.service.consul',
        }),
      args: (config, directory) => [
        ...['-c', config, '-p', directory, '-e', 'stderr'],
        ...['-g', `daemon off; pid ${directory}/pid;`],
      ],
      ready: () => reachable(port!),
    });
    await answering(port!, 'page-1');
    await addPod('page-2', { service: 'page' });
    await answering(port!, 'page-1', 'page-2');
    await endPod('page-1');
    await answering(port!, 'page-2');
  });
});
