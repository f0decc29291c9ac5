import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';
import { readText } from '../lib/transport.ts';

const signal = new AbortController().signal;

/** Two instances on two nodes, registered by an operator that has ended. */
async function registered(config: object = {}): Promise<SmallCluster> {
  const cluster = new SmallCluster();
  cluster.putPod('web-1', { service: 'web' });
  cluster.putPod('web-2', { service: 'web' }, { node: 'n2' });
  const operator = cluster.start(config, 'leaderElection' in config ? { pod: 'a' } : {});
  await cluster.clock.advance(1_000);
  await operator.stop();
  return cluster;
}

const nodesOf = (cluster: SmallCluster): string[] => cluster.consul.outsider.nodes().map(({ Node }) => Node);

function terminal(answer: string) {
  let stdout = '';
  return {
    stdin: {
      isTTY: true,
      async *[Symbol.asyncIterator]() {
        yield answer;
      },
    },
    stdout: { isTTY: true, write: (text: string) => (stdout += text) },
    get text() {
      return stdout;
    },
  };
}

describe('kube-registrar purge', () => {
  test('with --yes removes every node of the cluster, after showing it', async () => {
    const cluster = await registered();
    const others = nodesOf(cluster).filter((name) => !name.startsWith('kubernetes-'));
    const { exitCode, stdout, stderr } = await cluster.run(['purge', '--yes']);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(
      stdout,
      / {2}- node kubernetes-n1\n {2}- instance default\.web-1\S* of web\n[\s\S]* {2}- node kubernetes-n2\n {2}- instance default\.web-2\S* of web\n/,
    );
    assert.match(stdout, /stop it first[\s\S]*Nothing is left\.\n$/);
    assert.deepEqual(nodesOf(cluster), others);
    const again = await cluster.run(['purge', '--yes']);
    assert.match(again.stdout, /^Nothing to remove: /);
    assert.equal(again.exitCode, 0);
  });

  test('without --yes and without a terminal removes nothing, and says how', async () => {
    const cluster = await registered();
    const { exitCode, stderr } = await cluster.run(['purge']);
    assert.equal(exitCode, 1);
    assert.match(stderr, /nothing was removed: use --yes/);
    assert.equal(cluster.passing('web').length, 2);
  });

  test('at a terminal wants the name of the cluster typed', async () => {
    const cluster = await registered();
    const wrong = await cluster.run(['purge'], terminal('yes\n'));
    assert.equal(wrong.exitCode, 1);
    assert.match(wrong.stderr, /not confirmed; nothing was removed/);
    assert.equal(cluster.passing('web').length, 2);
    const right = terminal('kubernetes\n');
    assert.equal((await cluster.run(['purge'], right)).exitCode, 0);
    assert.match(right.text, /Type "kubernetes" to remove 2 instances on 2 nodes from Consul: /);
    assert.equal(cluster.passing('web').length, 0);
  });

  test("leaves others' services, and the node they are on", async () => {
    const cluster = await registered();
    cluster.consul.outsider.putService('kubernetes-n1', { ID: 'db', Service: 'db', Port: 5432 });
    const { exitCode, stdout } = await cluster.run(['purge', '--yes']);
    assert.match(stdout, /! instance db of db has another owner; left alone/);
    assert.match(stdout, /1 nodes stay, because other programs have services on them\.\n$/);
    assert.equal(exitCode, 0);
    assert.equal(cluster.passing('web').length, 0);
    assert.deepEqual(
      cluster.consul.outsider.services('kubernetes-n1').map(({ ID }) => ID),
      ['db'],
    );
  });

  test('--cluster-uid purges a cluster that is gone, and asks no API server', async () => {
    const cluster = await registered({ cluster: { name: 'old', uid: 'gone-uid' } });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    await operator.stop();
    cluster.kube.faults.intercept = () => assert.fail('the API server was asked');
    const { exitCode } = await cluster.run(['purge', '--cluster-uid', 'gone-uid', '--yes']);
    assert.equal(exitCode, 0);
    assert.deepEqual(
      cluster.passing('web').map((entry) => entry.split('/')[0]),
      ['kubernetes-n1', 'kubernetes-n2'],
    );
  });

  const keys = (cluster: SmallCluster): Promise<unknown> =>
    cluster.consul
      .transport()
      .request({ method: 'GET', path: '/v1/kv/?keys', headers: {}, headersTimeoutMs: 1_000, signal })
      .then(readText)
      .then((text) => (text === '' ? [] : JSON.parse(text)));

  /** With leader election, so that there is a key. */
  const elected = {
    leaderElection: { enabled: true },
  };

  test("removes its leaders' key, and nobody else's", async () => {
    const cluster = await registered(elected);
    const uid = cluster.kube.store.get('namespaces', '', 'kube-system')!.metadata.uid;
    const other = 'kube-registrar/other-uid/epoch';
    await cluster.consul.transport().request({
      method: 'PUT',
      path: `/v1/kv/${other}`,
      headers: {},
      body: 'x',
      headersTimeoutMs: 1_000,
      signal,
    });
    assert.deepEqual(await keys(cluster), [`kube-registrar/${uid}/epoch`, other]);
    await cluster.run(['purge', '--yes', '--node', 'kubernetes-n1']);
    assert.deepEqual(await keys(cluster), [`kube-registrar/${uid}/epoch`, other], 'leaders go on');
    const { exitCode, stdout, stderr } = await cluster.run(['purge', '--yes']);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(stdout, new RegExp(`\n- key kube-registrar/${uid}/epoch, if there is one\n`));
    assert.deepEqual(await keys(cluster), [other]);
    assert.match((await cluster.run(['purge', '--yes'])).stdout, /^Nothing to remove: /);
  });

  test("removes the entry of an operator that died, and nobody else's node of that name", async () => {
    const cluster = await registered();
    const operator = cluster.start({ consul: { heartbeat: { enabled: true } } }, { pod: 'a' });
    await cluster.clock.advance(5_000);
    // It ends without a farewell.
    cluster.consul.intercept = () => ({ kind: 'hang' });
    await Promise.all([operator.stop(), cluster.clock.advance(20_000)]);
    cluster.consul.intercept = undefined;
    cluster.consul.outsider.putNode({
      Node: 'other-kube-registrar',
      Address: '10.9.9.9',
      Meta: { 'kube-registrar': 'heartbeat', 'kube-cluster-uid': 'another' },
    });
    assert.ok(nodesOf(cluster).includes('kubernetes-kube-registrar'));
    const { exitCode, stdout } = await cluster.run(['purge', '--yes']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /- node kubernetes-kube-registrar, the operator's own entry\n/);
    assert.deepEqual(
      nodesOf(cluster).filter((name) => name.endsWith('kube-registrar')),
      ['other-kube-registrar'],
    );
    assert.match((await cluster.run(['purge', '--yes'])).stdout, /^Nothing to remove: /);
  });

  test('without rights on keys removes the rest, and says which key may be left', async () => {
    const cluster = await registered(elected);
    const before = await keys(cluster);
    cluster.consul.intercept = ({ path, body }) =>
      path === '/v1/txn' && String(body).includes('"KV"')
        ? { kind: 'answer', status: 403, body: 'Permission denied: token lacks permission' }
        : undefined;
    const { exitCode, stdout, stderr } = await cluster.run(['purge', '--yes']);
    assert.equal(exitCode, 0);
    assert.match(
      stderr,
      /the token may not write the key kube-registrar\/.*consul kv delete kube-registrar\//,
    );
    assert.match(stdout, /Nothing is left\.\n$/);
    cluster.consul.intercept = undefined;
    assert.deepEqual(await keys(cluster), before);
  });

  test('--node keeps to the nodes named', async () => {
    const cluster = await registered();
    await cluster.run(['purge', '--yes', '--node', 'kubernetes-n1*']);
    assert.deepEqual(
      nodesOf(cluster).filter((name) => name.startsWith('kubernetes-')),
      ['kubernetes-n2'],
    );
  });

  test('tries again while Consul cannot write, and says what stayed when it never can', async () => {
    const cluster = await registered();
    let failures = 2;
    cluster.consul.intercept = ({ path }) =>
      path === '/v1/txn' && failures-- > 0
        ? { kind: 'answer', status: 500, body: 'No cluster leader' }
        : undefined;
    assert.equal((await cluster.run(['purge', '--yes'])).exitCode, 0);

    const other = await registered();
    other.consul.intercept = ({ path }) =>
      path === '/v1/txn' ? { kind: 'answer', status: 500, body: 'No cluster leader' } : undefined;
    const { exitCode, stderr } = await other.run(['purge', '--yes']);
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /node kubernetes-n1: .*No cluster leader[\s\S]*not everything was removed; run it again/,
    );
  });

  test('refuses beside an operator that holds its Lease, and not beside one that has died', async () => {
    const config = { leaderElection: { enabled: true } };
    const cluster = await registered(config);
    const purge = ['purge', '--yes'];
    const running = cluster.start(config, { pod: 'b' });
    await cluster.clock.advance(5_000);
    const beside = await cluster.run(purge);
    assert.match(
      beside.stderr,
      /^error: an operator of this cluster is running \(default\/b_\d holds the Lease\) .*nothing was removed: stop it first/,
    );
    assert.deepEqual([beside.exitCode, cluster.passing('web').length], [1, 2]);
    // It ends without giving the Lease back.
    cluster.kube.faults.intercept = () => ({ kind: 'hang' });
    await Promise.all([running.stop(), cluster.clock.advance(20_000)]);
    cluster.kube.faults.intercept = undefined;
    const after = await cluster.run(purge);
    assert.deepEqual([after.exitCode, after.stderr], [0, '']);
    assert.equal(cluster.passing('web').length, 0);
  });

  test('goes on with a warning when it may not read the Lease', async () => {
    const cluster = await registered(elected);
    cluster.kube.faults.intercept = ({ path }) =>
      path.includes('/leases') ? { kind: 'answer', status: 403, body: '{}' } : undefined;
    const { exitCode, stderr } = await cluster.run(['purge', '--yes']);
    assert.match(stderr, /^warning: cannot find out whether an operator is running: GET .*leases/);
    assert.equal(exitCode, 0);
  });

  test('says so when a running operator has registered everything again', async () => {
    const cluster = await registered();
    const operator = cluster.start({ sync: { fullComparisonInterval: '1s' } });
    await cluster.clock.advance(2_000);
    const { exitCode, stderr } = await cluster.run(['purge', '--yes']);
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /2 nodes are registered again .*an operator of this cluster is running; stop it first/,
    );
    assert.equal(cluster.passing('web').length, 2);
    await operator.stop();
  });
});
