import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { type HttpResponse, readText, type Transport } from '../../lib/transport.ts';
import { KubeApi } from './kube-api.ts';

const path = '/api/v1/namespaces/default/pods';

function startApi() {
  const clock = new VirtualClock();
  const api = new KubeApi({ clock });
  return { clock, api, transport: api.transport() };
}

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [] },
});

function get(
  transport: Transport,
  query = '',
  timeouts: { headersTimeoutMs?: number; bodyTimeoutMs?: number } = {},
) {
  const signal = new AbortController().signal;
  return transport.request({ method: 'GET', path: path + query, signal, ...timeouts });
}

async function names(transport: Transport, query = ''): Promise<string[]> {
  const list = JSON.parse(await readText(await get(transport, query)));
  return list.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
}

/** Reads a watch in the background; `text` is what has arrived, `outcome` how it ended. */
function follow(response: HttpResponse) {
  const seen = { text: '', outcome: 'open' };
  (async () => {
    for await (const chunk of response.body) seen.text += Buffer.from(chunk).toString('utf8');
    seen.outcome = 'ended';
  })().catch((error: { code: string }) => {
    seen.outcome = error.code;
  });
  return seen;
}

const typesIn = (text: string) => [...text.matchAll(/"type":"([A-Z]+)"/g)].map(([, type]) => type);

describe('Faults', () => {
  test('intercept answers, hangs, resets, delays and truncates single requests', async () => {
    const { clock, api, transport } = startApi();
    api.store.apply(pod('a'));
    api.faults.intercept = () => ({ kind: 'answer', status: 429, headers: { 'retry-after': '7' } });
    const busy = await get(transport);
    assert.equal(busy.status, 429);
    assert.equal(busy.headers['retry-after'], '7');
    assert.equal(JSON.parse(await readText(busy)).kind, 'Status');

    api.faults.intercept = () => ({ kind: 'hang' });
    const hanging = assert.rejects(get(transport, '', { headersTimeoutMs: 5_000 }), { code: 'timeout' });
    await clock.advance(5_000);
    await hanging;

    api.faults.intercept = () => ({ kind: 'reset', applied: false });
    await assert.rejects(get(transport), { code: 'unreachable' });

    api.faults.intercept = () => ({ kind: 'delay', ms: 3_000 });
    const late = names(transport);
    await clock.advance(3_000);
    assert.deepEqual(await late, ['a']);

    api.faults.intercept = () => ({ kind: 'truncate', bytes: 30 });
    await assert.rejects(readText(await get(transport)), { code: 'unreachable' });

    api.faults.intercept = undefined;
    assert.deepEqual(await names(transport), ['a']);
    assert.equal(clock.pending, 0);
  });

  test('a reset can come before or after the request was carried out', async () => {
    const { api, transport } = startApi();
    api.store.apply(pod('a'));
    const remove = () =>
      transport.request({ method: 'DELETE', path: `${path}/a`, signal: new AbortController().signal });
    api.faults.intercept = () => ({ kind: 'reset', applied: false });
    await assert.rejects(remove(), { code: 'unreachable' });
    assert.ok(api.store.get('pods', 'default', 'a'));
    api.faults.intercept = () => ({ kind: 'reset', applied: true });
    await assert.rejects(remove(), { code: 'unreachable' });
    assert.equal(api.store.get('pods', 'default', 'a'), undefined);
  });

  test('cutWatches ends watches cleanly, by a reset, or in mid-line', async () => {
    const { clock, api, transport } = startApi();
    const expected = { end: 'ended', reset: 'unreachable', 'mid-line': 'unreachable' } as const;
    for (const how of ['end', 'reset', 'mid-line'] as const) {
      const seen = follow(await get(transport, '?watch=true&resourceVersion=0'));
      await clock.settle();
      api.faults.cutWatches(how, { storage: 'services' });
      await clock.settle();
      assert.equal(seen.outcome, 'open');
      api.faults.cutWatches(how);
      await clock.settle();
      assert.equal(seen.outcome, expected[how]);
      assert.equal(seen.text !== '' && !seen.text.endsWith('\n'), how === 'mid-line');
    }
    assert.equal(api.watches.size, 0);
    assert.equal(clock.pending, 0);
  });

  test('a stalled watch is silent beyond its end, until it is resumed', async () => {
    const { clock, api, transport } = startApi();
    const query = `?watch=true&resourceVersion=${api.store.revision}&timeoutSeconds=60&allowWatchBookmarks=true`;
    const seen = follow(await get(transport, query, { bodyTimeoutMs: 0 }));
    api.faults.stallWatches();
    api.store.apply(pod('a'));
    await clock.advance(90_000);
    assert.deepEqual(seen, { text: '', outcome: 'open' });
    api.faults.resumeWatches();
    await clock.settle();
    assert.deepEqual(typesIn(seen.text), ['ADDED', 'BOOKMARK']);
    assert.equal(seen.outcome, 'ended');
  });

  test('a silent watch runs into the client’s body time-out', async () => {
    const { clock, transport } = startApi();
    const seen = follow(await get(transport, '?watch=true&resourceVersion=0', { bodyTimeoutMs: 90_000 }));
    await clock.advance(90_000);
    assert.equal(seen.outcome, 'timeout');
    assert.equal(clock.pending, 0);
  });

  test('bookmarks come every minute', async () => {
    const { clock, api, transport } = startApi();
    const query = `?watch=true&resourceVersion=${api.store.revision}&allowWatchBookmarks=true`;
    const seen = follow(await get(transport, query, { bodyTimeoutMs: 0 }));
    await clock.advance(180_000);
    assert.deepEqual(typesIn(seen.text), ['BOOKMARK', 'BOOKMARK', 'BOOKMARK']);
    api.faults.cutWatches('end');
    assert.equal(clock.pending, 0);
  });

  test('without WatchList the server refuses sendInitialEvents: 422', async () => {
    const { api, transport } = startApi();
    api.faults.watchList = false;
    const query =
      '?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const answer = await get(transport, query);
    assert.equal(answer.status, 422);
    assert.equal(
      JSON.parse(await readText(answer)).message,
      'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch' +
        ' unless the WatchList feature gate is enabled',
    );
  });

  test('restore breaks watches and brings back the state and the resourceVersion of the snapshot', async () => {
    const { clock, api, transport } = startApi();
    api.store.apply(pod('old'));
    const snapshot = api.store.snapshot();
    api.store.delete('pods', 'default', 'old');
    api.store.apply(pod('new'));
    const { revision } = api.store;
    const seen = follow(await get(transport, `?watch=true&resourceVersion=${revision}`));
    api.faults.restore(snapshot);
    await clock.settle();
    assert.equal(seen.outcome, 'unreachable');
    assert.equal(api.store.revision, snapshot.revision);
    assert.deepEqual(await names(transport), ['old']);
    const tooLarge = await get(transport, `?resourceVersion=${revision}&resourceVersionMatch=NotOlderThan`);
    assert.equal(tooLarge.status, 504);
    // The danger of such a restore: a watch from the lost history stays silent until it is overtaken.
    const blind = follow(await get(transport, `?watch=true&resourceVersion=${revision}`));
    api.store.apply(pod('unseen'));
    await clock.settle();
    assert.equal(blind.text, '');
  });

  test('what vanishes leaves no event', async () => {
    const { clock, api, transport } = startApi();
    api.store.apply(pod('a'));
    const seen = follow(await get(transport, `?watch=true&resourceVersion=${api.store.revision}`));
    assert.equal(api.store.vanish('pods', 'default', 'a'), true);
    await clock.settle();
    assert.equal(seen.text, '');
    assert.deepEqual(await names(transport), []);
  });

  test('stale reads show the past where a client allows it; watches catch up afterwards', async () => {
    const { clock, api, transport } = startApi();
    api.store.apply(pod('a'));
    const seen = follow(await get(transport, `?watch=true&resourceVersion=${api.store.revision}`));
    api.faults.serveStale();
    api.store.apply(pod('b'));
    await clock.settle();
    assert.equal(seen.text, '');
    assert.deepEqual(await names(transport, '?resourceVersion=0'), ['a']);
    assert.deepEqual(await names(transport), ['a', 'b']);
    api.faults.serveStale({ consistentToo: true });
    api.store.apply(pod('c'));
    assert.deepEqual(await names(transport), ['a', 'b']);
    api.faults.serveFresh();
    await clock.settle();
    assert.deepEqual(typesIn(seen.text), ['ADDED', 'ADDED']);
    assert.deepEqual(await names(transport, '?resourceVersion=0'), ['a', 'b', 'c']);
  });

  test('a WatchList without a version waits for a cache that lags: it is a consistent read', async () => {
    const { clock, api, transport } = startApi();
    api.store.apply(pod('a'));
    api.faults.serveStale();
    api.store.apply(pod('b'));
    const query =
      '?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const seen = follow(await get(transport, query));
    await clock.settle();
    assert.equal(seen.text, '');
    api.faults.serveFresh();
    await clock.settle();
    assert.deepEqual(typesIn(seen.text), ['ADDED', 'ADDED', 'BOOKMARK']);
    api.store.apply(pod('c'));
    await clock.settle();
    assert.deepEqual(typesIn(seen.text), ['ADDED', 'ADDED', 'BOOKMARK', 'ADDED']);
  });

  test('a watch whose answer is lost or truncated leaves nothing open on the server', async () => {
    const { clock, api, transport } = startApi();
    api.faults.intercept = () => ({ kind: 'reset', applied: true });
    await assert.rejects(get(transport, '?watch=true'), /reset/);
    api.faults.intercept = () => ({ kind: 'truncate', bytes: 1_000_000 });
    const abort = new AbortController();
    const { body } = await transport.request({
      method: 'GET',
      path: `${path}?watch=true`,
      signal: abort.signal,
    });
    const reading = body[Symbol.asyncIterator]().next();
    await clock.settle();
    abort.abort();
    await assert.rejects(reading, /aborted/);
    await clock.settle();
    assert.equal(api.watches.size, 0);
  });

  test('history older than its window is forgotten by itself', async () => {
    const { clock, api, transport } = startApi();
    const { revision } = api.store;
    api.store.apply(pod('a'));
    await clock.advance(299_000);
    assert.equal(typesIn(await firstLine(transport, revision))[0], 'ADDED');
    await clock.advance(2_000);
    assert.equal(typesIn(await firstLine(transport, revision))[0], 'ERROR');
  });

  test('a revoked token is a 401, a right taken away a 403', async () => {
    const { api, transport } = startApi();
    api.access.addToken('t', 'operator');
    api.access.grant('operator', [{ verbs: ['list'], apiGroups: [''], resources: ['pods'] }]);
    const ask = async () => {
      const headers = { Authorization: 'Bearer t' };
      const response = await transport.request({
        method: 'GET',
        path,
        headers,
        signal: new AbortController().signal,
      });
      return response.status;
    };
    assert.equal(await ask(), 200);
    api.access.grant('operator', []);
    assert.equal(await ask(), 403);
    api.access.revokeToken('t');
    assert.equal(await ask(), 401);
  });
});

async function firstLine(transport: Transport, resourceVersion: number): Promise<string> {
  const response = await get(transport, `?watch=true&resourceVersion=${resourceVersion}`);
  for await (const chunk of response.body) return Buffer.from(chunk).toString('utf8');
  return '';
}
