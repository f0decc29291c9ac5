import assert from 'node:assert/strict';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

const config = {
  compatibility: { kubeConsulRegistrator: { enabled: true }, registrator: { enabled: true } },
};

interface Container {
  readonly name: string;
  readonly value: string;
}

function putPod(
  cluster: SmallCluster,
  name: string,
  annotations: object,
  env: readonly Container[] = [],
): void {
  cluster.kube.addNamespace('shop');
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', annotations },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'main', image: 'x', ports: [{ containerPort: 8080 }], env }],
    },
    status: {
      phase: 'Running',
      podIP: '10.1.0.7',
      podIPs: [{ ip: '10.1.0.7' }],
      conditions: [
        { type: 'ContainersReady', status: 'True' },
        { type: 'Ready', status: 'True' },
      ],
    },
  } as never);
}

interface StoredEvent {
  readonly involvedObject: { readonly name: string };
  readonly message: string;
}

/** The notes of the Events of a pod. */
const notes = (cluster: SmallCluster, name: string): string[] =>
  (cluster.kube.store.list('events') as unknown as StoredEvent[])
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ message }) => message);

async function explained(cluster: SmallCluster, ...argv: readonly string[]) {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'dialects-'));
  const file = path.join(directory.path, 'config.yaml');
  await writeFile(file, JSON.stringify(config));
  return cluster.run(['explain', ...argv, '-n', 'shop', '--config', file]);
}

describe('where annotations of other programs are followed', () => {
  test('what has no effect is an Event at the pod, which is registered, and explain says it', async () => {
    const cluster = new SmallCluster();
    const theirs = { enabled: 'true', 'service-name': 'web', 'service-id': 'web-a' };
    putPod(
      cluster,
      'web-1',
      Object.fromEntries(Object.entries(theirs).map(([key, value]) => [`consul-registrator/${key}`, value])),
    );
    const operator = cluster.start(config);
    await cluster.clock.advance(2_000);
    assert.deepEqual(cluster.passing('web'), ['kubernetes-n1/10.1.0.7']);
    const says = 'service-id has no effect: ids are those of kube-registrar';
    assert.ok(notes(cluster, 'web-1').includes(`${says} (annotation consul-registrator/service-id)`));
    const text = await explained(cluster, 'pod/web-1');
    assert.ok(text.stdout.includes(`  warning: consul-registrator/service-id: ${says}\n`), text.stdout);
    assert.equal(text.exitCode, 0);
    const { annotations } = JSON.parse((await explained(cluster, 'pod/web-1', '-o', 'json')).stdout);
    assert.deepEqual(annotations.map(({ name }: { name: string }) => name).sort(), [
      'kube-registrar.io/port',
      'kube-registrar.io/service',
    ]);
    await operator.stop();
  });

  test('a variable that cannot be followed is named as one, and the pod is not registered', async () => {
    const cluster = new SmallCluster();
    putPod(cluster, 'web-2', {}, [
      { name: 'SERVICE_NAME', value: 'web' },
      { name: 'SERVICE_CHECK_TTL', value: '30s' },
    ]);
    const operator = cluster.start(config);
    await cluster.clock.advance(2_000);
    assert.deepEqual(cluster.passing('web'), []);
    assert.match(
      notes(cluster, 'web-2').join('\n'),
      /^Registration refused: SERVICE_CHECK_TTL of container main is not used: .* \(variable SERVICE_CHECK_TTL\)$/m,
    );
    const { stdout, exitCode } = await explained(cluster, 'pod/web-2');
    assert.match(stdout, /^ {2}error: SERVICE_CHECK_TTL: SERVICE_CHECK_TTL of container main is not/m);
    assert.equal(exitCode, 2);
    putPod(cluster, 'web-2', {}, [{ name: 'SERVICE_NAME', value: 'web' }]);
    await cluster.clock.advance(2_000);
    assert.deepEqual(cluster.passing('web'), ['kubernetes-n1/10.1.0.7']);
    await operator.stop();
  });
});
