import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { healthy, queryOf, ScriptedConsul } from '../../../test/contract/naming/scripted-consul.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { InstanceDiff } from '../diff.ts';
import type { NamingError } from '../naming-error.ts';
import { ConsulNaming, type ConsulNamingOptions } from './consul-naming.ts';

let clock: VirtualClock;
let consul: ScriptedConsul;
let naming: ConsulNaming;
let reports: NamingError[];
let calls: { ids: string[]; diff: InstanceDiff }[];

function open(options: ConsulNamingOptions = {}): ConsulNaming {
  return new ConsulNaming({
    transport: () => consul,
    clock,
    random: () => 0.5,
    report: (error) => reports.push(error),
    ...options,
  });
}

function subscribe(options = {}, service = 'web') {
  return naming.subscribe(
    service,
    (instances, diff) => {
      calls.push({ ids: instances.map(({ id }) => id), diff });
    },
    options,
  );
}

/** Subscribes, answers the first read with `ids` at `index`, and leaves the blocking query open. */
async function subscribed(index: number, ...ids: string[]): Promise<void> {
  const subscribing = subscribe();
  await clock.settle();
  consul.only.answer(healthy(index, ...ids));
  await subscribing;
  await clock.advance(1_000);
}

beforeEach(() => {
  clock = new VirtualClock();
  consul = new ScriptedConsul();
  reports = [];
  calls = [];
  naming = open();
});

afterEach(async () => {
  await naming.close();
  assert.equal(clock.pending, 0, 'timers left behind');
  assert.equal(consul.open.length, 0, 'requests left behind');
});

describe('a subscription', () => {
  test('blocks on the index of the state it starts from, and keeps that state quiet', async () => {
    await subscribed(7, 'a');
    assert.deepEqual(consul.query, { index: '7', wait: '30s' });
    assert.equal(calls.length, 0);
  });

  test('calls back with the full list and the difference', async () => {
    await subscribed(7, 'a', 'b');
    consul.only.answer(healthy(9, 'b', 'c'));
    await clock.settle();
    assert.deepEqual(calls[0]?.ids, ['b', 'c']);
    assert.deepEqual(
      [calls[0]?.diff.added.map(({ id }) => id), calls[0]?.diff.removed.map(({ id }) => id)],
      [['c'], ['a']],
    );
  });

  test('calls back with the starting state when asked', async () => {
    const subscribing = subscribe({ initial: true });
    await clock.settle();
    consul.only.answer(healthy(7, 'a'));
    await subscribing;
    assert.deepEqual(calls[0]?.ids, ['a']);
    assert.equal(calls[0]?.diff.added.length, 1);
  });

  test('asks again at once when a query blocked for its whole time without news', async () => {
    await subscribed(7, 'a');
    await clock.advance(31_000);
    consul.only.answer(healthy(7, 'a'));
    await clock.settle();
    assert.equal(consul.query['index'], '7');
    assert.equal(calls.length, 0);
  });

  test('reads from the beginning, and believes nothing, when the index goes backwards', async () => {
    await subscribed(500, 'a');
    await clock.advance(5_000);
    consul.only.answer(healthy(1));
    await clock.settle();
    assert.deepEqual(consul.query, {});
    assert.equal(calls.length, 0);
    consul.only.answer(healthy(12, 'a', 'b'));
    await clock.advance(100);
    assert.deepEqual(calls[0]?.ids, ['a', 'b']);
    assert.equal(consul.query['index'], '12');
  });

  test('takes index 0, and a missing one, for 1', async () => {
    await subscribed(0, 'a');
    assert.equal(consul.query['index'], '1');
    consul.only.answer({ ...healthy(0, 'a', 'b'), headers: {} });
    await clock.advance(1_000);
    assert.deepEqual(calls[0]?.ids, ['a', 'b']);
    assert.equal(consul.query['index'], '1');
  });

  test('backs off after an error, then reads the whole state, and reports only what changed', async () => {
    await subscribed(7, 'a');
    consul.only.answer({ status: 500, body: 'rpc error: No cluster leader' });
    await clock.settle();
    assert.equal(consul.open.length, 0);
    await clock.advance(125);
    assert.deepEqual(consul.query, {});
    consul.only.answer(healthy(3, 'a'));
    await clock.advance(1_000);
    assert.equal(calls.length, 0);
    assert.equal(consul.query['index'], '3');
  });

  test('reports a trouble once, and each trouble anew', async () => {
    await subscribed(7, 'a');
    for (let failures = 0; failures < 3; failures += 1) {
      consul.only.answer({ status: 500, body: 'No cluster leader' });
      await clock.advance(10_000);
    }
    consul.only.answer({ status: 403, body: 'ACL not found' });
    await clock.advance(10_000);
    consul.only.answer(healthy(7, 'a'));
    await clock.advance(1_000);
    consul.only.fail(new RegistrarError('unreachable', 'ECONNREFUSED'));
    await clock.settle();
    assert.deepEqual(
      reports.map(({ code }) => code),
      ['unavailable', 'denied', 'unavailable'],
    );
    assert.equal(calls.length, 0);
  });

  test('waits longer after every failure, up to 10 s, and as long as the server asks, up to 30 s', async () => {
    await subscribed(7, 'a');
    consul.handler = ({ answer }) => void answer({ status: 500, body: 'No cluster leader' });
    consul.only.answer({ status: 500, body: 'No cluster leader' });
    await clock.advance(60_000);
    const before = consul.requests.length;
    await clock.advance(60_000);
    assert.equal(consul.requests.length - before, 12);

    consul.handler = ({ answer }) =>
      void answer({ status: 429, headers: { 'retry-after': '3600' }, body: 'slow down' });
    await clock.advance(5_000);
    const throttled = consul.requests.length;
    await clock.advance(60_000);
    assert.equal(consul.requests.length - throttled, 2);
  });

  test('outlives a report that throws: no rejection, callbacks as before, close() resolves', async () => {
    naming = open({
      report: () => {
        throw new Error('the report is broken');
      },
    });
    await subscribed(7, 'a');
    consul.only.answer({ status: 500, body: 'No cluster leader' });
    await clock.advance(250);
    consul.only.answer(healthy(8, 'a', 'b'));
    await clock.settle();
    assert.deepEqual(calls[0]?.ids, ['a', 'b']);
  });

  test('does not take a missing leader for an empty service', async () => {
    await subscribed(7, 'a');
    consul.only.answer({
      ...healthy(9),
      headers: { 'x-consul-knownleader': 'false', 'x-consul-index': '9' },
    });
    await clock.advance(125);
    assert.equal(calls.length, 0);
    assert.equal(reports[0]?.code, 'unavailable');
  });

  test('believes the streaming backend, which never knows a leader', async () => {
    await subscribed(7, 'a');
    const headers = {
      'x-consul-knownleader': 'false',
      'x-consul-query-backend': 'streaming',
      'x-consul-index': '9',
    };
    consul.only.answer({ ...healthy(9, 'a', 'b'), headers });
    await clock.settle();
    assert.deepEqual(calls[0]?.ids, ['a', 'b']);
  });

  test('does not take a list emptied by ACLs for an empty service', async () => {
    await subscribed(7, 'a');
    const { headers, body } = healthy(9);
    consul.only.answer({ headers: { ...headers, 'x-consul-results-filtered-by-acls': 'true' }, body });
    await clock.settle();
    assert.equal(calls.length, 0);
    assert.equal(reports[0]?.code, 'denied');
  });

  test('asks the servers before it believes the streaming backend that all instances are gone', async () => {
    const streamed = (index: number) => ({
      ...healthy(index),
      headers: { 'x-consul-query-backend': 'streaming', 'x-consul-index': String(index) },
    });
    await subscribed(7, 'a');
    consul.only.answer(streamed(9));
    await clock.advance(1_000);
    assert.deepEqual(consul.query, {});
    consul.only.answer({ status: 403, body: 'Permission denied' });
    await clock.advance(1_000);
    assert.equal(calls.length, 0);
    consul.only.answer(healthy(9));
    await clock.advance(1_000);
    assert.deepEqual(calls[0]?.ids, []);
    consul.only.answer(streamed(9));
    await clock.advance(1_000);
    assert.equal(consul.query['index'], '9', 'what is known is not asked for again');
  });

  test('survives an answer that is no answer', async () => {
    await subscribed(7, 'a');
    consul.only.answer({ body: '[{"Node":' });
    await clock.advance(1_000);
    consul.only.answer({ body: { not: 'a list' } });
    await clock.advance(1_000);
    consul.only.answer(healthy(8, 'a', 'b'));
    await clock.settle();
    assert.deepEqual(calls[0]?.ids, ['a', 'b']);
  });

  test('gives up on a query that is not answered, and asks again', async () => {
    await subscribed(7, 'a');
    const silent = consul.only;
    await clock.advance(45_000);
    assert.ok(silent.request.signal.aborted);
    assert.deepEqual(consul.query, {});
  });

  test('does not spin against a server that does not block', async () => {
    consul.handler = ({ answer }) => void answer(healthy(7, 'a'));
    await subscribe();
    await clock.advance(60_000);
    assert.ok(consul.requests.length <= 66, `${consul.requests.length} requests in a minute`);
  });

  test('does not spin against a server whose every answer is new', async () => {
    let index = 1;
    consul.handler = ({ answer }) => void answer(healthy(++index, `i${index}`));
    await subscribe();
    await clock.advance(10_000);
    assert.ok(consul.requests.length <= 205, `${consul.requests.length} requests in ten seconds`);
  });

  test('does not spin against a server that fails every blocking query', async () => {
    consul.handler = ({ request, answer }) =>
      void answer('index' in queryOf(request) ? { status: 500, body: 'EOF' } : healthy(7, 'a'));
    await subscribe();
    await clock.advance(60_000);
    assert.ok(consul.requests.length <= 60, `${consul.requests.length} requests in a minute`);
  });

  test('ends at once: the request is aborted and nothing is called back any more', async () => {
    await subscribed(7, 'a');
    const last = consul.only;
    const ending = naming.unsubscribe('web');
    assert.ok(last.request.signal.aborted);
    assert.equal(last.answer(healthy(9, 'a', 'b')), false);
    await ending;
    await clock.advance(60_000);
    assert.equal(calls.length, 0);
    assert.deepEqual(reports, []);
  });

  test('ends while it waits to retry', async () => {
    await subscribed(7, 'a');
    consul.only.answer({ status: 500, body: 'EOF' });
    await clock.settle();
    await naming.unsubscribe('web');
    assert.equal(clock.pending, 0);
  });

  test('waits at its start for a registry that is away, until the signal fires', async () => {
    const abort = new AbortController();
    const subscribing = subscribe({ signal: abort.signal });
    const rejected = assert.rejects(subscribing, { code: 'aborted' });
    await clock.settle();
    consul.only.fail(new RegistrarError('unreachable', 'ECONNREFUSED'));
    await clock.advance(1_000);
    assert.equal(consul.open.length, 1);
    abort.abort();
    await rejected;
    await clock.settle();
    assert.equal(consul.open.length, 0);
  });

  test('fails at its start when it is denied, and the name is free again', async () => {
    const subscribing = subscribe();
    const rejected = assert.rejects(subscribing, { code: 'denied', message: /Permission denied/ });
    await clock.settle();
    consul.only.answer({ status: 403, body: 'Permission denied' });
    await rejected;
    await subscribed(7, 'a');
  });

  test('takes the next address after a failure', async () => {
    const second = new ScriptedConsul();
    await naming.close();
    naming = open({
      addresses: ['http://one:8500', 'http://two:8500/'],
      transport: (address) => (address === 'http://two:8500' ? second : consul),
    });
    await subscribed(7, 'a');
    consul.only.fail(new RegistrarError('unreachable', 'ECONNREFUSED'));
    await clock.advance(1_000);
    assert.equal(consul.open.length, 0);
    second.only.answer(healthy(8, 'a', 'b'));
    await clock.settle();
    assert.deepEqual(calls[0]?.ids, ['a', 'b']);
  });
});

describe('many subscriptions on few connections', () => {
  const names = ['s1', 's2', 's3', 's4', 's5'];
  const serviceOf = (path: string) => path.replace(/^.*service\/(\w+).*$/, '$1');

  /** Five services; queries block until `change` or the end of their wait. */
  function serve(indexes: Map<string, number>): { peak: number; change(service: string): void } {
    const served = {
      peak: 0,
      change(service: string) {
        indexes.set(service, (indexes.get(service) ?? 1) + 1);
        for (const { request, answer } of consul.open) {
          if (serviceOf(request.path) === service)
            answer(healthy(indexes.get(service)!, `i${indexes.get(service)}`));
        }
      },
    };
    consul.handler = ({ request, answer }) => {
      served.peak = Math.max(served.peak, consul.open.length);
      const service = serviceOf(request.path);
      const { index = '0', wait = '0s' } = queryOf(request);
      const reply = () => answer(healthy(indexes.get(service) ?? 1, `i${indexes.get(service) ?? 1}`));
      if (Number(index) < (indexes.get(service) ?? 1)) reply();
      else {
        const timer = clock.schedule(Number.parseInt(wait, 10) * 1000, reply);
        request.signal.addEventListener('abort', () => timer[Symbol.dispose]());
      }
    };
    return served;
  }

  test('never use more than the budget, and all learn of a change within a few turns', async () => {
    await naming.close();
    naming = open({ maxWatches: 2 });
    const seen = new Map<string, number>();
    const served = serve(new Map());
    const subscribing = Promise.all(
      names.map((name) => naming.subscribe(name, () => void seen.set(name, clock.now()))),
    );
    await clock.advance(10_000);
    await subscribing;
    const changedAt = clock.now();
    for (const name of names) served.change(name);
    await clock.advance(6_100);
    assert.deepEqual([...seen.keys()].sort(), names);
    assert.ok(Math.max(...seen.values()) - changedAt <= 6_100);
    assert.equal(served.peak, 2);
  });

  test('call back the long polls of the first when there are suddenly too many', async () => {
    await naming.close();
    naming = open({ maxWatches: 2 });
    serve(new Map());
    await Promise.all(['s1', 's2'].map((name) => naming.subscribe(name, () => {})));
    await clock.advance(5_000);
    assert.deepEqual(
      consul.open.map(({ request }) => queryOf(request)['wait']),
      ['30s', '30s'],
    );
    const third = naming.subscribe('s3', () => {});
    await clock.settle();
    await third;
    await clock.advance(10_000);
    assert.ok(consul.open.every(({ request }) => queryOf(request)['wait'] === '2s'));
    assert.deepEqual(reports, []);
  });

  test('rotate without haste: no more requests than turns', async () => {
    await naming.close();
    naming = open({ maxWatches: 2 });
    serve(new Map());
    await Promise.all(['s1', 's2', 's3'].map((name) => naming.subscribe(name, () => {})));
    const before = consul.requests.length;
    await clock.advance(60_000);
    assert.ok(
      consul.requests.length - before <= 62,
      `${consul.requests.length - before} requests in a minute`,
    );
  });
});
