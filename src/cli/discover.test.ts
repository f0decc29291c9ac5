import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

/** Three instances of `web` beside one of `wiki`: one passes, one is critical, one in maintenance. */
function catalog(): SmallCluster {
  const cluster = new SmallCluster();
  const { outsider } = cluster.consul;
  outsider.putNode({ Node: 'n', Address: '10.0.0.9' });
  const put = (id: string, service: string, more: object = {}) =>
    outsider.putService('n', { ID: id, Service: service, Address: '10.0.0.5', Port: 8080, ...more });
  put('web-1', 'web', { Tags: ['v1', 'gate'], Weights: { Passing: 3, Warning: 1 } });
  put('web-2', 'web', { Tags: ['v2', 'gate'], Meta: { service_state: 'young' } });
  put('web-3', 'web', { Tags: [] });
  put('wiki-1', 'wiki');
  setStatus(cluster, 'web-2', 'critical');
  outsider.putCheck({
    Node: 'n',
    CheckID: '_service_maintenance:web-3',
    ServiceID: 'web-3',
    ServiceName: 'web',
    Status: 'critical',
  });
  return cluster;
}

const setStatus = (cluster: SmallCluster, id: string, Status: string) =>
  cluster.consul.outsider.putCheck({
    Node: 'n',
    CheckID: `c-${id}`,
    ServiceID: id,
    ServiceName: 'web',
    Status,
  });

const discover = (cluster: SmallCluster, ...argv: string[]) => cluster.run(['discover', ...argv]);

/** `--watch` under way, ended by `stop()` as by SIGINT. */
async function watching(cluster: SmallCluster, ...argv: string[]) {
  const abort = new AbortController();
  const written = { stdout: '', stderr: '' };
  const running = cluster.run(
    ['discover', ...argv, '--watch'],
    {
      signal: abort.signal,
      stdout: { write: (text) => (written.stdout += text) },
      stderr: { write: (text) => (written.stderr += text) },
    },
    1_000,
  );
  await running;
  return {
    written,
    /** What was written since the last call. */
    news: async (ms = 2_000) => {
      await cluster.clock.advance(ms);
      const { stdout } = written;
      written.stdout = '';
      return stdout;
    },
    async stop() {
      abort.abort();
      await cluster.clock.settle();
    },
  };
}

describe('kube-registrar discover', () => {
  test('shows every instance with its state, weight, age and tags, and exits 0 when one passes', async () => {
    const { exitCode, stdout, stderr } = await discover(catalog(), 'web');
    assert.equal(
      stdout,
      [
        'ID     ADDRESS   PORT  STATE        WEIGHT  AGE    TAGS',
        'web-1  10.0.0.5  8080  passing      3       -      v1,gate',
        'web-2  10.0.0.5  8080  critical     0       young  v2,gate',
        'web-3  10.0.0.5  8080  maintenance  0       -      -',
        '',
      ].join('\n'),
    );
    assert.deepEqual([exitCode, stderr], [0, '']);
  });

  test('has no column for the age when none is known', async () => {
    const { stdout } = await discover(catalog(), 'wiki');
    assert.equal(
      stdout,
      'ID      ADDRESS   PORT  STATE    WEIGHT  TAGS\nwiki-1  10.0.0.5  8080  passing  1       -\n',
    );
  });

  test('keeps to instances that carry all the tags', async () => {
    const cluster = catalog();
    const { stdout, exitCode } = await discover(cluster, 'web', '--tag', 'gate', '--tag', 'v1');
    assert.deepEqual([stdout.match(/web-\d/g), exitCode], [['web-1'], 0]);
  });

  test('exits 2 when no instance passes, and still shows them', async () => {
    const { stdout, stderr, exitCode } = await discover(catalog(), 'web', '--tag', 'v2');
    assert.match(stdout, /^web-2 .* critical /m);
    assert.deepEqual([stderr, exitCode], ['warning: 1 instance of "web" is there, none passes\n', 2]);
  });

  test('exits 2 for a service nobody registered, and names one that is near', async () => {
    const { stdout, stderr, exitCode } = await discover(catalog(), 'wbe');
    assert.deepEqual(
      [stdout, stderr, exitCode],
      ['', 'warning: nothing is registered as "wbe"; did you mean "web"?\n', 2],
    );
  });

  test('exits 2 for a tag nobody carries, and names one that is near', async () => {
    const cluster = catalog();
    const near = await discover(cluster, 'web', '--tag', 'gaet', '--tag', 'v1');
    assert.match(near.stderr, /no instance of "web" has the tag "gaet"; did you mean "gate"\?/);
    assert.equal(near.exitCode, 2);
    const both = await discover(cluster, 'web', '--tag', 'v1', '--tag', 'v2');
    assert.match(both.stderr, /none of 3 instances of "web" has all the tags v1, v2/);
    assert.equal(both.exitCode, 2);
  });

  test('--output json gives the same to scripts, null for what is not known', async () => {
    const { stdout, exitCode } = await discover(catalog(), 'web', '--tag', 'v1', '--output', 'json');
    assert.deepEqual(JSON.parse(stdout), [
      {
        id: 'web-1',
        name: 'web',
        node: 'n',
        address: '10.0.0.5',
        port: 8080,
        protocol: null,
        state: 'passing',
        weight: 3,
        age: null,
        tags: ['v1', 'gate'],
        meta: {},
      },
    ]);
    assert.equal(exitCode, 0);
    const none = await discover(catalog(), 'nobody', '--output', 'json');
    assert.deepEqual([none.stdout, none.exitCode], ['[]\n', 2]);
  });

  test('finds what an operator has registered, the protocol in it', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web', protocol: 'grpc', tags: 'gate' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    const { stdout } = await discover(cluster, 'web', '--output', 'json');
    const [{ protocol, state, meta }] = JSON.parse(stdout);
    assert.deepEqual([protocol, state, meta['kube-pod']], ['grpc', 'passing', 'web-1']);
    await operator.stop();
  });

  test('what somebody named cannot move the cursor of a terminal', async () => {
    const cluster = catalog();
    cluster.consul.outsider.putService('n', { ID: 'x\u001b[2J', Service: 'evil', Tags: ['a\nb'], Port: 1 });
    const { stdout } = await discover(cluster, 'evil');
    assert.match(stdout, /^x\\u001b\[2J .* a\\u000ab$/m);
  });

  test('a Consul that is not there, or denies, is an error with exit code 1', async () => {
    const cluster = catalog();
    cluster.consul.intercept = () => ({ kind: 'reset' });
    const away = await discover(cluster, 'web', '--watch');
    assert.equal(away.exitCode, 1);
    assert.match(away.stderr, /^error: .*"web"/);
    cluster.consul.intercept = () => ({ kind: 'answer', status: 403, body: 'ACL not found' });
    const denied = await discover(cluster, 'web');
    assert.equal(denied.exitCode, 1);
    assert.match(denied.stderr, /^error: .*403: ACL not found\n$/);
  });

  test('offers the flags for Consul and none for the cluster', async () => {
    const { stdout } = await discover(catalog(), '--help');
    assert.match(stdout, /--consul-address/);
    assert.doesNotMatch(stdout, /--kubeconfig|--policy/);
  });
});

describe('kube-registrar discover --watch', () => {
  test('shows what is there, then changes as they happen, and ends with 0 on a signal', async () => {
    const cluster = catalog();
    const { outsider } = cluster.consul;
    const { news, stop, written } = await watching(cluster, 'web', '--tag', 'gate');
    assert.deepEqual(
      (await news()).split('\n').map((line) => line.split(/ +/).slice(0, 3).join(' ')),
      [' ID ADDRESS', ' web-1 10.0.0.5', ' web-2 10.0.0.5', ''],
    );
    outsider.putService('n', { ID: 'web-4', Service: 'web', Address: '10.0.0.6', Port: 1, Tags: ['gate'] });
    assert.equal(await news(), '+ web-4  10.0.0.6  1     passing   1       young  gate\n');
    setStatus(cluster, 'web-1', 'critical');
    assert.equal(
      await news(),
      '~ web-1  10.0.0.5  8080  critical  0       adult  v1,gate  (state: passing → critical, weight: 3 → 0)\n',
    );
    assert.equal(
      await news(10_000),
      '~ web-4  10.0.0.6  1     passing   1       adult  gate  (age: young → adult)\n',
    );
    outsider.removeService('n', 'web-4');
    assert.equal(await news(), '- web-4  10.0.0.6  1     passing   1       adult  gate\n');
    await stop();
    assert.equal(written.stderr, '');
    assert.equal(cluster.clock.pending, 0, 'leaves no timer');
  });

  test('with --output json is a line for each instance and change', async () => {
    const cluster = catalog();
    const { news, stop } = await watching(cluster, 'wiki', '--output', 'json');
    cluster.consul.outsider.putService('n', { ID: 'wiki-1', Service: 'wiki', Address: '10.0.0.5', Port: 9 });
    cluster.consul.outsider.removeService('n', 'wiki-1');
    const lines = (await news())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ event, instance }) => [event, instance.id, instance.age]),
      [
        ['present', 'wiki-1', 'adult'],
        ['removed', 'wiki-1', 'adult'],
      ],
    );
    assert.match(lines[0].time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    cluster.consul.outsider.putService('n', { ID: 'wiki-1', Service: 'wiki', Address: '10.0.0.5', Port: 9 });
    assert.equal(JSON.parse(await news()).event, 'added');
    cluster.consul.outsider.putService('n', { ID: 'wiki-1', Service: 'wiki', Address: '10.0.0.5', Port: 10 });
    const { event, before, instance } = JSON.parse(await news());
    assert.deepEqual([event, before.port, instance.port], ['changed', 9, 10]);
    await stop();
  });

  test('waits for a service that is not there yet, and says so', async () => {
    const cluster = catalog();
    const { news, stop, written } = await watching(cluster, 'later');
    await news();
    assert.equal(written.stderr, 'warning: nothing is registered as "later"\n');
    cluster.consul.outsider.putService('n', { ID: 'l', Service: 'later', Address: '10.0.0.7', Port: 1 });
    assert.match(await news(), /^\+ l /);
    await stop();
  });

  test('goes on through trouble with Consul, reports it once, and keeps what it has shown', async () => {
    const cluster = catalog();
    const { news, stop, written } = await watching(cluster, 'wiki');
    await news();
    cluster.consul.intercept = () => ({ kind: 'reset' });
    setStatus(cluster, 'web-1', 'warning');
    assert.equal(await news(120_000), '');
    assert.match(written.stderr, /^warning: .*"wiki".*\n$/);
    cluster.consul.intercept = undefined;
    cluster.consul.outsider.removeService('n', 'wiki-1');
    assert.match(await news(60_000), /^- wiki-1 /);
    await stop();
  });
});
