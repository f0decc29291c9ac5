import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

describe('kube-registrar plan', () => {
  test('shows what would be registered, writes nothing, and exits 2', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web', tags: 'a' });
    const { exitCode, stdout, stderr } = await cluster.run(['plan']);
    assert.deepEqual([exitCode, stderr], [2, '']);
    assert.match(stdout, /^kubernetes-n1\n {2}\+ node kubernetes-n1\n/);
    assert.match(stdout, / {2}\+ instance \S+ of web\n {6}address: 10\.1\.0\.1\n/);
    assert.match(stdout, /Plan: 4 to add, 0 to change, 0 to remove on 1 node\.\n$/);
    assert.equal(cluster.consul.stats.operations, 0);
    assert.equal(cluster.clock.pending, 0, 'leaves no timer');
  });

  test('exits 0 when there is nothing to do, also beside a running operator', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    const { exitCode, stdout } = await cluster.run(['plan']);
    assert.equal(stdout, 'Nothing to do: Consul is as the cluster wants it.\n');
    assert.equal(exitCode, 0);
    await operator.stop();
  });

  test('shows fields before and after, removals, and the mistakes in annotations', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web', tags: 'a' });
    cluster.putPod('web-2', { service: 'web' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    await operator.stop();
    cluster.putPod('web-1', { service: 'web', tags: 'b' });
    cluster.putPod('web-2', {});
    cluster.putPod('web-3', { service: 'web', port: 'htp' });
    const { exitCode, stdout } = await cluster.run(['plan']);
    assert.equal(exitCode, 2);
    assert.match(stdout, / {2}- instance \S*web-2\S* of web\n/);
    assert.match(stdout, / {6}tags: \["a"\] → \["b"\]\n/);
    assert.match(
      stdout,
      /Problems\n {2}! Pod default\/web-3: port: port "htp" .*did you mean "http"\? \(InvalidAnnotation\)\n/,
    );
    assert.match(stdout, /0 to add, 2 to change, 1 to remove on 1 node\. .*1 problem\.\n$/);
  });

  test('--output json gives the same for scripts', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    const { exitCode, stdout } = await cluster.run(['plan', '--output', 'json']);
    assert.equal(exitCode, 2);
    const { summary, nodes } = JSON.parse(stdout);
    assert.equal(summary.add, 4);
    assert.equal(nodes[0].node, 'kubernetes-n1');
  });

  test('under upsert-only removals are shown as held and do not count as changes', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    cluster.putPod('web-2', { service: 'web' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    await operator.stop();
    cluster.putPod('web-2', {});
    const { exitCode, stdout } = await cluster.run(['plan', '--policy', 'upsert-only']);
    assert.match(stdout, / {2}- instance \S*web-2\S* of web \(held by the policy\)\n/);
    assert.match(stdout, /Nothing to do under this policy\. 1 held by the policy\.\n$/);
    assert.equal(exitCode, 0);
  });

  test('names the right that is missing, at once', async () => {
    const cluster = new SmallCluster();
    cluster.kube.faults.intercept = ({ path }) =>
      path.startsWith('/api/v1/pods')
        ? {
            kind: 'answer',
            status: 403,
            body: JSON.stringify({
              kind: 'Status',
              code: 403,
              reason: 'Forbidden',
              message: 'no list on pods',
            }),
          }
        : undefined;
    const { exitCode, stderr, stdout } = await cluster.run(['plan'], {}, 5_000);
    assert.deepEqual([exitCode, stdout], [1, '']);
    assert.match(stderr, /^kube-registrar: pods: not listed yet \(.*no list on pods.*\)\n$/);
  });

  test('gives up at the deadline and names what was missing', async () => {
    const cluster = new SmallCluster();
    cluster.consul.leaderless = true;
    const { exitCode, stderr } = await cluster.run(['plan', '--timeout', '20s'], {}, 60_000);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^kube-registrar: not read within 20s: Consul: not read yet \(.*\)/);
    assert.equal(cluster.clock.now() >= 20_000, true);
    assert.equal(cluster.clock.pending, 0);
  });

  test('a Consul that is not there is an error at once', async () => {
    const cluster = new SmallCluster();
    cluster.consul.intercept = () => ({ kind: 'reset' });
    const { exitCode, stderr } = await cluster.run(['plan'], {}, 5_000);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^kube-registrar: GET \/v1\/catalog\/nodes: /);
  });
});
