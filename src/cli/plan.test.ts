import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isConsulWrite } from '../../test/support/consul-writes.ts';
import { SmallCluster } from '../../test/support/small-cluster.ts';
import { silentLogger } from '../logging/logger.ts';
import { startStatusServer } from '../server/http-server.ts';

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
    assert.equal(stdout, 'Nothing to do: Consul is in sync with the cluster.\n');
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

  test('takes the name of the cluster from Consul when none is set, and refuses another one', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    const operator = cluster.start({ cluster: { name: 'prod' } });
    await cluster.clock.advance(1_000);
    await operator.stop();
    const adopted = await cluster.run(['plan']);
    assert.equal(adopted.stderr, 'warning: cluster.name is not set; Consul has this cluster as "prod"\n');
    assert.deepEqual(
      [adopted.exitCode, adopted.stdout],
      [0, 'Nothing to do: Consul is in sync with the cluster.\n'],
    );
    const refused = await cluster.run(['plan', '--cluster-name', 'prdo']);
    assert.match(
      refused.stderr,
      /^error: flag --cluster-name: "prdo", but Consul has this cluster as "prod"; correct it, or .* --rename\n$/,
    );
    assert.equal(refused.exitCode, 1);
    const renamed = await cluster.run(['plan', '--cluster-name', 'new', '--rename']);
    assert.match(renamed.stdout, /\+ node new-n1[\s\S]*prod-n1/);
    assert.equal(cluster.clock.pending, 0, 'leaves no timer');
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

  test('--check-writes fails with what the token may not write, and writes nothing', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    assert.equal((await cluster.run(['plan', '--check-writes'])).exitCode, 2);
    cluster.consul.intercept = (request) => {
      const What = 'Permission denied: token lacks permission \'service:write\' on "web"';
      const body = JSON.stringify({ Results: null, Errors: [{ OpIndex: 1, What }] });
      return isConsulWrite(request) ? { kind: 'answer', status: 409, body } : undefined;
    };
    const { exitCode, stderr } = await cluster.run(['plan', '--check-writes']);
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /Consul would refuse:\n.* Permission denied: .* on "web"\n.*give the token the policy/,
    );
    assert.ok(!cluster.consul.outsider.nodes().some(({ Node }) => Node === 'kubernetes-n1'));
  });

  /** So many pods, registered by an operator that has ended. */
  async function registered(count: number): Promise<SmallCluster> {
    const cluster = new SmallCluster();
    for (let index = 0; index < count; index += 1) cluster.putPod(`web-${index}`, { service: 'web' });
    const operator = cluster.start();
    await cluster.clock.advance(2_000);
    await operator.stop();
    return cluster;
  }

  const lose = (cluster: SmallCluster, count: number): void => {
    for (let index = 0; index < count; index += 1)
      cluster.kube.store.delete('pods', 'default', `web-${index}`);
  };

  test('marks what the guard would hold, and why', async () => {
    const cluster = await registered(40);
    lose(cluster, 12);
    const few = await cluster.run(['plan']);
    assert.match(few.stdout, / {2}- instance default\.web-0\.\S+ of web\n/);
    assert.match(few.stdout, /0 to add, 0 to change, 12 to remove on 1 node\.\n$/);
    assert.equal(few.exitCode, 2);

    cluster.kube.store.delete('pods', 'default', 'web-12');
    const { exitCode, stdout } = await cluster.run(['plan']);
    assert.match(stdout, / {2}- instance default\.web-0\.\S+ of web \(held by the guard\)\n/);
    assert.match(stdout, / {2}! instance default\.web-0\.\S+ of web stays registered: nothing explains/);
    assert.match(stdout, /Nothing to do for now\. 13 held by the guard\. 13 findings\.\n$/);
    assert.equal(exitCode, 0);
    const json = JSON.parse((await cluster.run(['plan', '--output', 'json'])).stdout);
    assert.deepEqual([json.summary.held, json.summary.heldByGuard], [13, 13]);
    const [{ steps, findings }] = json.nodes;
    assert.deepEqual([steps[0].held, steps[0].heldBy], [true, 'guard']);
    assert.deepEqual([findings[0].kind, findings[0].because], ['held', 'limit']);
  });

  test('keeps a node on which something is held', async () => {
    const cluster = await registered(40);
    lose(cluster, 40);
    const { stdout } = await cluster.run(['plan']);
    assert.doesNotMatch(stdout, /- node/);
    assert.match(stdout, /40 held by the guard/);
  });

  test('does not expect the guard to hold what has lost its node, or its address to another pod', async () => {
    const cluster = await registered(40);
    lose(cluster, 40);
    for (let index = 0; index < 40; index += 1) {
      cluster.putPod(`new-${index}`, { service: 'web' }, { ip: `10.1.0.${index + 1}` });
    }
    assert.match((await cluster.run(['plan'])).stdout, /80 to add, 0 to change, 40 to remove on 1 node\.\n$/);

    const other = await registered(40);
    lose(other, 40);
    other.kube.store.delete('nodes', undefined, 'n1');
    assert.match((await other.run(['plan'])).stdout, / 1 to remove on 1 node\.\n$/);
  });

  test('expects loss of health because of many nodes to be held', async () => {
    const cluster = new SmallCluster();
    for (const node of ['n1', 'n2']) cluster.putPod(`web-${node}`, { service: 'web' }, { node });
    const operator = cluster.start();
    await cluster.clock.advance(2_000);
    await operator.stop();
    cluster.addNode('n1', '10.0.0.1', 'Unknown');
    cluster.addNode('n2', '10.0.0.2', 'Unknown');
    const { stdout, exitCode } = await cluster.run(['plan']);
    assert.match(stdout, /~ check kubernetes-node \(held by the guard\)\n/);
    assert.match(stdout, /! instance \S+ of web keeps its last status: too many/);
    assert.equal(exitCode, 0);
  });

  test('--server shows what a running operator holds, which the plan alone would not', async () => {
    const cluster = await registered(40);
    const running = cluster.start();
    await cluster.clock.advance(1_000);
    lose(cluster, 12);
    await cluster.clock.advance(5_000);
    assert.equal(cluster.passing('web').length, 28);
    lose(cluster, 17);
    await cluster.clock.advance(5_000);
    assert.match((await cluster.run(['plan'])).stdout, /5 to remove/, 'few by themselves');

    await using server = await startStatusServer({
      listen: '127.0.0.1:0',
      source: running.operator,
      metrics: { contentType: 'text/plain', text: async () => '' },
      logger: silentLogger,
      clock: cluster.clock,
    }).then((started) => ({ ...started, [Symbol.asyncDispose]: () => started.close() }));
    const { exitCode, stdout } = await cluster.run(['plan', '--server', server.origin]);
    assert.equal(exitCode, 0);
    assert.match(stdout, /- instance default\.web-16\.\S+ of web \(held by the guard\)\n/);
    assert.match(stdout, /Nothing to do for now\. 5 held by the guard\. 5 findings\.\n$/);
    await running.stop();
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
    assert.match(stderr, /^error: pods: not listed yet \(.*no list on pods.*\)\n$/);
  });

  test('gives up at the deadline and names what was missing', async () => {
    const cluster = new SmallCluster();
    cluster.consul.leaderless = true;
    const { exitCode, stderr } = await cluster.run(['plan', '--timeout', '20s'], {}, 60_000);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error: not read within 20s: Consul: not read yet \(.*\)/);
    assert.equal(cluster.clock.now() >= 20_000, true);
    assert.equal(cluster.clock.pending, 0);
  });

  test('a Consul that is not there is an error at once', async () => {
    const cluster = new SmallCluster();
    cluster.consul.intercept = () => ({ kind: 'reset' });
    const { exitCode, stderr } = await cluster.run(['plan'], {}, 5_000);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error: GET \/v1\/catalog\/nodes: /);
  });
});
