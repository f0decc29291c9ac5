/**
 * Checks that an external monitor is to do, on a real Consul. The monitor is played: it reads a check with its
 * definition and writes it back whole, by compare and set, with another status and output, as consul-esm does.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type HealthEntry, raftLog, readiness, writesBetween } from '../support/real/consul-reads.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import type { Namespace } from '../support/real/workloads.ts';

type StoredCheck = Record<string, unknown> & {
  readonly CheckID: string;
  readonly Status: string;
  readonly Output: string;
  readonly Type: string;
  readonly ServiceTags: readonly string[];
  readonly Definition: Record<string, unknown>;
};

let stage: Stage;
let shop: Namespace;

before(async () => {
  stage = await startStage({
    registration: { externalProbe: true },
    sync: { fullComparisonInterval: '2s' },
    kubelet: { nodes: 1 },
  });
  shop = await stage.namespace('shop');
  await shop.addPod('web', {
    service: 'web',
    port: 'http',
    'check-http': '/healthz',
    'check-tcp': 'admin',
    'check-grpc': 'http/web.v1',
    'health-url': 'https://:admin/web',
    'check-interval': '5s',
    'deregister-critical-after': '10m',
  });
  await stage.allPassing('web', 1);
});
after(() => stage?.[Symbol.asyncDispose]());

const checks = () => stage.consul.api.get<StoredCheck[]>('/v1/health/node/prod-node-0');
const check = async (end: string): Promise<StoredCheck> =>
  (await checks()).find(({ CheckID }) => CheckID.endsWith(end))!;
const theEntry = async (): Promise<HealthEntry> => (await stage.instances('web'))[0]!;

/** What consul-esm does when a probe has another result. */
async function probed(end: string, Status: string, Output: string): Promise<void> {
  // Its client's type has not these two, which are an agent's.
  const { Interval: _interval, Timeout: _timeout, ...existing } = await check(end);
  await stage.consul.api.put('/v1/txn', [{ Check: { Verb: 'cas', Check: { ...existing, Status, Output } } }]);
}

suite('checks for external monitors', () => {
  test('have definitions, on a node that is marked to be probed', async () => {
    const { Node } = await theEntry();
    assert.equal(Node.Meta['external-node'], 'true');
    assert.equal(Node.Meta['external-probe'], 'true');
    const { Address } = (await theEntry()).Service;
    const timing = { Interval: '5s', Timeout: '1s', DeregisterCriticalServiceAfter: '10m0s' };
    const shown = async (end: string) => {
      const { Type, Definition } = await check(end);
      return { Type, ...Definition };
    };
    assert.deepEqual(await shown(':http'), {
      Type: 'http',
      ...timing,
      HTTP: `http://${Address}:8080/healthz`,
    });
    assert.deepEqual(await shown(':tcp'), { Type: 'tcp', ...timing, TCP: `${Address}:9090` });
    assert.deepEqual(await shown(':grpc'), { Type: 'grpc', ...timing, GRPC: `${Address}:8080/web.v1` });
    assert.deepEqual(await shown(':health-url'), {
      Type: 'http',
      ...timing,
      HTTP: `https://${Address}:9090/web`,
    });
    assert.deepEqual(await shown(':readiness'), { Type: 'kubernetes-readiness' });
  });

  test('keep what the monitor found, through comparisons, changes and a restart', async () => {
    await probed(':http', 'critical', 'HTTP GET: 503 Service Unavailable');
    const before = await raftLog(stage.consul);
    const compared = async () => stage.operator.metric('kube_registrar_last_full_sync_timestamp_seconds');
    const since = await compared();
    await stage.eventually('everything has been compared', async () => assert.ok((await compared()) > since));
    const { transactions, otherWrites } = writesBetween(before, await raftLog(stage.consul));
    assert.deepEqual([transactions, otherWrites], [0, 0]);
    await shop.annotatePod('web', { tags: 'blue' });
    await stage.eventually('the tag is at the check', async () =>
      assert.deepEqual((await check(':http')).ServiceTags, ['blue']),
    );
    assert.equal((await check(':http')).Status, 'critical');
    await stage.operator.stop();
    await stage.operator.start();
    await stage.operator.ready();
    await shop.annotatePod('web', { 'check-interval': '7s' });
    await stage.eventually('the definition is another', async () =>
      assert.equal((await check(':http')).Definition['Interval'], '7s'),
    );
    const { Status, Output } = await check(':http');
    assert.deepEqual([Status, Output], ['critical', 'HTTP GET: 503 Service Unavailable']);
    assert.deepEqual(stage.operator.logs('Drift'), []);
  });

  test('leave readiness to us, and the node to its ping', async () => {
    stage.kubelet.setUnready('shop', 'web');
    await stage.eventually('readiness is critical', async () =>
      assert.equal(readiness(await theEntry())?.Status, 'critical'),
    );
    stage.kubelet.setReady('shop', 'web');
    await probed(':http', 'passing', 'HTTP GET: 200 OK');
    await stage.consul.api.put('/v1/txn', [
      {
        Check: {
          Verb: 'set',
          Check: {
            Node: 'prod-node-0',
            CheckID: 'externalNodeHealth',
            Name: 'External Node Status',
            Status: 'passing',
          },
        },
      },
    ]);
    await stage.allPassing('web', 1);
    await shop.deletePod('web');
    await stage.gone('web');
    assert.deepEqual(stage.operator.logs('Drift'), []);
  });
});
