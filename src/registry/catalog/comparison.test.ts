import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConsulOperator } from '../../../test/support/consul-operator.ts';
import { entry, instance } from '../../../test/support/entries.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { entryNoun } from '../../model/entry-ref.ts';
import { ConsulServer } from '../../sandbox/consul/consul-server.ts';
import { ObservedState } from '../observed-state.ts';
import { catalogReader } from './catalog-reader.ts';
import { comparePeriodically } from './comparison.ts';

async function setUp() {
  const clock = new VirtualClock();
  const server = new ConsulServer({ clock });
  const operator = new ConsulOperator({ transport: server.transport(), clock, managementToken: '' });
  const abort = new AbortController();
  await operator.observed.readAll(abort.signal);
  await operator.reconcile(entry([instance('i1')]));
  const found: string[] = [];
  const comparing = comparePeriodically(
    {
      client: operator.client,
      observed: operator.observed,
      clock,
      random: () => 0.5,
      onCompared: (drift) =>
        found.push(drift.map(({ at, what }) => `${entryNoun(at)} ${what}`).join() || 'equal'),
      onIndexReset: () => found.push('index reset'),
      onError: ({ code }) => found.push(code),
    },
    abort.signal,
  );
  return { clock, server, operator, abort, found, comparing };
}

describe('comparePeriodically()', () => {
  test('compares once a minute, and reports what differs', async () => {
    const { clock, server, operator, abort, found, comparing } = await setUp();
    await clock.advance(59_999);
    assert.deepEqual(found, []);
    await clock.advance(1);
    assert.deepEqual(found, ['equal']);
    server.outsider.removeService(operator.node, 'i1');
    await clock.advance(60_000);
    assert.deepEqual(found, ['equal', 'instance missing']);
    abort.abort();
    await comparing;
    assert.equal(clock.pending, 0);
  });

  test('reads everything only when an index moved, or a quarter of an hour has passed', async () => {
    const { clock, server, operator, abort, found, comparing } = await setUp();
    const readings = () => server.stats.requests.get('GET /v1/health/node/') ?? 0;
    await clock.advance(60_000);
    const first = readings();
    await clock.advance(14 * 60_000);
    assert.equal(readings(), first);
    assert.equal(found.length, 15, 'compared nevertheless');
    await clock.advance(2 * 60_000);
    assert.equal(readings(), first + 1);
    server.outsider.putCheck({ Node: operator.node, CheckID: 'i1:readiness', Status: 'critical' });
    await clock.advance(60_000);
    assert.equal(found.at(-1), 'check changed');
    abort.abort();
    await comparing;
  });

  test('reads again what showed nothing: rights that are granted move no index', async () => {
    const { clock, server, operator, abort, found, comparing } = await setUp();
    const { client, owner } = operator;
    const observed = new ObservedState({ reader: catalogReader(client), owner });
    let isHidden = true;
    const headers = { 'x-consul-knownleader': 'true', 'x-consul-index': '9' };
    const nothing = { kind: 'answer', status: 200, headers, body: '[]' } as const;
    server.intercept = ({ path }) => (isHidden && path.startsWith('/v1/catalog/nodes') ? nothing : undefined);
    await observed.readAll(abort.signal);
    const compared: number[] = [];
    const comparingToo = comparePeriodically(
      {
        client,
        observed,
        clock,
        random: () => 0.5,
        onCompared: () => compared.push([...observed.nodes()].length),
        onError: ({ code }) => found.push(code),
      },
      abort.signal,
    );
    await clock.advance(120_000);
    isHidden = false;
    await clock.advance(60_000);
    assert.deepEqual(compared, [0, 0, 1]);
    abort.abort();
    await Promise.all([comparing, comparingToo]);
  });

  test('tells when the indexes went back, and reads everything', async () => {
    const { clock, server, abort, found, comparing } = await setUp();
    await clock.advance(60_000);
    server.wipe();
    await clock.advance(60_000);
    assert.deepEqual(found, ['equal', 'index reset', 'node missing']);
    abort.abort();
    await comparing;
  });

  test('tells when it is not possible, and tries again', async () => {
    const { clock, server, abort, found, comparing } = await setUp();
    server.intercept = () => ({ kind: 'answer', status: 503 });
    await clock.advance(60_000);
    server.intercept = undefined;
    await clock.advance(60_000);
    assert.deepEqual(found, ['unavailable', 'equal']);
    abort.abort();
    await comparing;
  });

  test('ends without a word when aborted during a reading', async () => {
    const { clock, server, abort, found, comparing } = await setUp();
    server.intercept = () => ({ kind: 'hang' });
    await clock.advance(60_000);
    abort.abort();
    await comparing;
    assert.deepEqual(found, []);
    assert.equal(clock.pending, 0);
  });
});
