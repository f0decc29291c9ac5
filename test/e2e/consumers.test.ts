/** Consumers of what the operator registers: the Naming library and `discover`, on real servers. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ConsulNaming } from '../../src/naming/naming.ts';
import { podsContract } from '../contract/naming/pods-contract.ts';
import { eventually } from '../support/eventually.ts';
import { runCommand, startCommand } from '../support/real/command.ts';
import { startConsul } from '../support/real/consul.ts';
import { patience, type Stage, startStage } from '../support/real/stage.ts';
import type { Namespace } from '../support/real/workloads.ts';

let stage: Stage;
let shop: Namespace;

before(async () => {
  stage = await startStage();
  shop = await stage.namespace('shop');
});

after(() => stage?.[Symbol.asyncDispose]());

podsContract('a real API server and Consul', async () => {
  const opened = new AsyncDisposableStack();
  return {
    naming: () => opened.use(new ConsulNaming({ addresses: [stage.consul.url] })),
    addPod: (name, annotations) => shop.addPod(name, { port: 'http', ...annotations }),
    async setReady(name, ready) {
      if (ready) stage.kubelet.setReady('shop', name);
      else stage.kubelet.setUnready('shop', name);
    },
    deletePod: (name) => shop.deletePod(name),
    eventually: async (attempt) => void (await eventually(attempt, patience)),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
});

suite('kube-registrar discover', () => {
  const discover = (...argv: string[]) =>
    runCommand(['discover', ...argv], { CONSUL_HTTP_ADDR: stage.consul.url });

  test('shows pods as a consumer finds them, and exits 0', async () => {
    await shop.addPod('book-1', { service: 'books', port: 'http', protocol: 'grpc', tags: 'gate,eu' });
    await stage.allPassing('books', 1);
    const { code, stdout, stderr } = await discover('books', '--tag', 'eu');
    assert.match(
      stdout,
      /^ID +ADDRESS +PORT +STATE +WEIGHT +TAGS\nshop\.book-1\S+ +10\.\S+ +8080 +passing +1 +eu,gate\n$/,
    );
    assert.deepEqual([code, stderr], [0, '']);
    const json = JSON.parse((await discover('books', '--output', 'json')).stdout);
    assert.deepEqual([json.length, json[0].protocol, json[0].meta['kube-pod']], [1, 'grpc', 'book-1']);
  });

  test('exits 2 and names a service that is near when there is none', async () => {
    const { code, stdout, stderr } = await discover('boks');
    assert.deepEqual(
      [code, stdout, stderr],
      [2, '', 'warning: nothing is registered as "boks"; did you mean "books"?\n'],
    );
  });

  test('--watch shows pods that come, fail and go as they do, and ends with 0 on SIGINT', async () => {
    await using watch = startCommand(['discover', 'books', '--watch', '--output', 'json'], {
      CONSUL_HTTP_ADDR: stage.consul.url,
    });
    const events = () =>
      watch
        .stdout()
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line))
        .map(({ event, instance }) => `${event} ${instance.meta['kube-pod']} ${instance.state}`);
    const seen = (event: string) =>
      eventually(
        () => assert.ok(events().includes(event), `${event} in ${events()} ${watch.stderr()}`),
        patience,
      );
    await seen('present book-1 passing');
    await shop.addPod('book-2', { service: 'books', port: 'http' });
    await eventually(() => assert.ok(events().some((event) => event.endsWith('book-2 passing'))), patience);
    stage.kubelet.setUnready('shop', 'book-1');
    await seen('changed book-1 critical');
    await shop.deletePod('book-2');
    await eventually(() => assert.ok(events().some((event) => event.startsWith('removed book-2'))), patience);
    watch.kill('SIGINT');
    assert.deepEqual([await watch.exit, watch.stderr()], [0, '']);
  });

  test('takes the token from the environment, and says when it has too few rights', async () => {
    await using consul = await startConsul({ acl: true });
    await consul.api.put('/v1/catalog/register', {
      Node: 'synthetic',
      Address: '10.0.0.9',
      Service: { Service: 'secret', Port: 80 },
    });
    const env = { CONSUL_HTTP_ADDR: consul.url, CONSUL_HTTP_TOKEN: consul.managementToken };
    const allowed = await runCommand(['discover', 'secret'], env);
    assert.deepEqual([allowed.code, allowed.stderr], [0, '']);
    await consul.api.put('/v1/acl/policy', { Name: 'other', Rules: 'service "other" { policy = "read" }' });
    const { SecretID } = await consul.api.put<{ SecretID: string }>('/v1/acl/token', {
      Policies: [{ Name: 'other' }],
    });
    const denied = await runCommand(['discover', 'secret'], { ...env, CONSUL_HTTP_TOKEN: SecretID });
    assert.equal(denied.code, 1);
    assert.match(denied.stderr, /^error: .*the token may not read them/);
  });
});
