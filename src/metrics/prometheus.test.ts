import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { catalogue, closedLabels, noopMetrics } from './catalogue.ts';
import { nodeMetrics } from './node-metrics.ts';
import { prometheusMetrics } from './prometheus.ts';

function create() {
  const { metrics, text } = prometheusMetrics({ version: '1.2.3', processMetrics: false });
  const series = async (name: string) =>
    (await text()).split('\n').filter((line) => line.startsWith(`kube_registrar_${name}`));
  return { metrics, text, series };
}

describe('the catalogue', () => {
  test('names base units, and only counters end in _total', () => {
    for (const { name, type, help } of Object.values(catalogue)) {
      assert.match(name, /^[a-z][a-z_]*$/);
      assert.doesNotMatch(name, /_(ms|milliseconds|minutes|kb|mb)(_|$)/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      assert.match(help, /\.$/, name);
    }
  });

  test('keeps the combinations of closed labels few', () => {
    for (const definition of Object.values(catalogue)) assert.ok(closedLabels(definition).length <= 50);
  });

  test('can be counted into nothing', () => {
    noopMetrics.operations.inc({ verb: 'put-node', result: 'committed' });
    noopMetrics.propagation.observe(1);
    noopMetrics.instances.replace([]);
  });
});

describe('prometheusMetrics()', () => {
  test('counts', async () => {
    const { metrics, series } = create();
    metrics.drift.inc({ kind: 'missing' });
    metrics.drift.add(2, { kind: 'missing' });
    assert.deepEqual(await series('drift_total'), [
      'kube_registrar_drift_total{kind="missing"} 3',
      'kube_registrar_drift_total{kind="changed"} 0',
      'kube_registrar_drift_total{kind="unexpected"} 0',
    ]);
  });

  test('starts a counter whose labels are closed at zero, so that rate() sees the first event', async () => {
    const { series } = create();
    assert.equal((await series('operations_total')).length, 21);
  });

  test('replace() ends the series of a service that is gone', async () => {
    const { metrics, series } = create();
    metrics.instances.replace([{ labels: { service: 'old', status: 'passing' }, value: 3 }]);
    metrics.instances.replace([{ labels: { service: 'web', status: 'passing' }, value: 2 }]);
    assert.deepEqual(await series('instances'), [
      'kube_registrar_instances{service="web",status="passing"} 2',
    ]);
  });

  test('collect() reads gauges and counters at the scrape, not before', async () => {
    const { metrics, series } = create();
    const pods = { resource: 'pods', namespace: '' } as const;
    let depth = 1;
    metrics.queueDepth.collect(() => [{ labels: {}, value: depth }]);
    metrics.reflectorLists.collect(() => [{ labels: pods, value: depth * 10 }]);
    depth = 7;
    assert.deepEqual(await series('queue_depth'), ['kube_registrar_queue_depth 7']);
    depth = 8;
    assert.deepEqual(await series('queue_depth'), ['kube_registrar_queue_depth 8']);
    assert.match((await series('reflector_lists_total'))[0]!, / 80$/);
  });

  test('a reading that throws leaves its series and the rest of the scrape alone', async () => {
    const { metrics, series } = create();
    metrics.consulUp.set(1);
    metrics.queueDepth.set(5);
    metrics.queueDepth.collect(() => {
      throw new Error('broken');
    });
    assert.deepEqual(await series('queue_depth'), ['kube_registrar_queue_depth 5']);
    assert.deepEqual(await series('consul_up'), ['kube_registrar_consul_up 1']);
  });

  test('a reading may take its time', async () => {
    const { metrics, series } = create();
    const { promise, resolve } = Promise.withResolvers<number>();
    metrics.queueDepth.collect(async () => [{ labels: {}, value: await promise }]);
    const scraped = series('queue_depth');
    resolve(3);
    assert.deepEqual(await scraped, ['kube_registrar_queue_depth 3']);
  });

  test('lets other work run after each metric', async () => {
    const { metrics, text } = create();
    let pauses = 0;
    const read = [0, 0];
    metrics.queueDepth.collect(() => {
      read[0] = pauses;
      return [];
    });
    metrics.queueOldest.collect(() => {
      read[1] = pauses;
      return [];
    });
    await text(async () => {
      pauses += 1;
    });
    assert.equal(read[1], read[0]! + 1);
    assert.ok(pauses >= Object.keys(catalogue).length);
  });

  test('writes what the registry of the library writes', async () => {
    const { metrics, text } = create();
    metrics.instances.set(1, { service: 'web', status: 'passing' });
    const all = await text();
    assert.match(all, /^# HELP kube_registrar_instances /);
    assert.match(all, /\n\n# HELP /);
    assert.ok(all.endsWith('\n') && !all.endsWith('\n\n'));
  });

  test('observes into the buckets of the catalogue', async () => {
    const { metrics, series } = create();
    metrics.propagation.observe(0.007);
    const lines = await series('propagation_seconds_bucket');
    assert.equal(lines.length, catalogue.propagation.buckets.length + 1);
    assert.match(lines[1]!, /le="0\.005"\} 0$/);
    assert.match(lines[2]!, /le="0\.01"\} 1$/);
  });

  test('escapes what users may put into a label', async () => {
    const { metrics, series } = create();
    metrics.instances.set(1, { service: 'a"\n\\', status: 'passing' });
    assert.deepEqual(await series('instances'), [
      'kube_registrar_instances{service="a\\"\\n\\\\",status="passing"} 1',
    ]);
  });

  test('says which program it is, and adds the metrics of Node', async () => {
    const { text, contentType } = prometheusMetrics({ version: '1.2.3' });
    const all = await text();
    assert.match(all, /kube_registrar_build_info\{version="1\.2\.3",node_version="v\d+/);
    for (const [name, type] of nodeMetrics) assert.ok(all.includes(`# TYPE ${name} ${type}\n`), name);
    assert.match(all, /^nodejs_heap_size_used_bytes [1-9]/m);
    assert.match(all, /^nodejs_eventloop_lag_max_seconds [\d.e-]+$/m);
    assert.match(contentType, /^text\/plain; version=0\.0\.4/);
  });

  test('two of them do not share series', async () => {
    const [one, other] = [create(), create()];
    one.metrics.consulUp.set(1);
    assert.deepEqual(await other.series('consul_up'), ['kube_registrar_consul_up 0']);
  });
});
