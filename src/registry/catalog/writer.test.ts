import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { desired, entry, instance, observed, owner } from '../../../test/support/entries.ts';
import { type Exchange, ScriptedConsul } from '../../../test/support/scripted-consul.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { ConsulClient } from '../../consul/client.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { type ConsulNodeName, consulNodeName } from '../../model/keys.ts';
import type { Change } from '../../plan/change.ts';
import { diff } from '../../plan/diff.ts';
import type { ChangeResult, Submitted } from '../tickets.ts';
import { type TxnReport, Writer } from './writer.ts';

interface SentOp {
  readonly Node?: { readonly Verb: string; readonly Node: Record<string, unknown> };
  readonly Service?: { readonly Verb: string; readonly Service: Record<string, unknown> };
  readonly Check?: { readonly Verb: string; readonly Check: Record<string, unknown> };
}

const sent = ({ request }: Exchange): SentOp[] => JSON.parse(request.body ?? '');

/** What Consul answers when it takes everything: one result for each entry set, none for deletions. */
function committed(exchange: Exchange): void {
  const index = { CreateIndex: 1, ModifyIndex: 50 };
  const Results = sent(exchange).flatMap(({ Node, Service, Check }): object[] => {
    if (Node?.Verb === 'cas') return [{ Node: { ...Node.Node, ...index } }];
    if (Service?.Verb === 'set') return [{ Service: { ...Service.Service, ...index } }];
    if (Check?.Verb === 'set') return [{ Check: { ...Check.Check, ...index } }];
    return [];
  });
  exchange.answer({ body: { Results, Errors: null } });
}

function rolledBack(exchange: Exchange, ...errors: readonly (readonly [number, string])[]): void {
  const Errors = errors.map(([OpIndex, What]) => ({ OpIndex, What }));
  exchange.answer({ status: 409, body: { Results: null, Errors } });
}

function setUp() {
  const clock = new VirtualClock();
  const consul = new ScriptedConsul();
  const reports: TxnReport[] = [];
  const client = new ConsulClient({ transport: consul, clock });
  const writer = new Writer({ client, clock, onTransaction: (report) => reports.push(report) });
  return { clock, consul, writer, reports };
}

/** A new instance on a node that exists already. */
function addition(node: string, id = `on-${node}`): Change {
  return { kind: 'put-instance', node: consulNodeName(node), effect: 'create', instance: instance(id) };
}

function removal(node: string, id: string): Change {
  const { id: of, service } = instance(id);
  return { kind: 'delete-instance', node: consulNodeName(node), instance: of, service };
}

function newNode(node: string, ...ids: string[]): Change[] {
  const wanted = entry(
    ids.map((id) => instance(id)),
    { name: consulNodeName(node) },
  );
  return [...diff(desired(wanted), undefined, { owner }).changes];
}

async function outcomes(submitted: Submitted, node: string): Promise<string[]> {
  const results: readonly ChangeResult[] = (await submitted.get(consulNodeName(node))) ?? [];
  return results.map(({ change, outcome }) => {
    return outcome.kind === 'committed'
      ? `${change.kind} committed`
      : `${change.kind} ${outcome.kind} ${outcome.error.code}`;
  });
}

/** Nodes whose results are in. */
async function settledNodes(clock: VirtualClock, submitted: Submitted): Promise<ConsulNodeName[]> {
  const settled: ConsulNodeName[] = [];
  for (const [node, results] of submitted) void results.then(() => settled.push(node));
  await clock.settle();
  return settled;
}

const signal = new AbortController().signal;

describe('Writer', () => {
  test('sends a change on an idle system at once', async () => {
    const { clock, consul, writer } = setUp();
    const submitted = writer.submit([addition('a')]);
    await clock.settle();
    assert.equal(consul.open.length, 1);
    committed(consul.open[0]!);
    assert.deepEqual(await outcomes(submitted, 'a'), ['put-instance committed']);
    assert.equal(clock.now(), 0);
    assert.equal(clock.pending, 0);
  });

  test('reports what Consul stored, deletions beside', async () => {
    const { clock, consul, writer } = setUp();
    const submitted = writer.submit([removal('a', 'old'), addition('a', 'new')]);
    await clock.settle();
    committed(consul.open[0]!);
    const [removed, added] = (await submitted.get(consulNodeName('a')))!;
    assert.deepEqual(removed?.outcome, { kind: 'committed', entries: [] });
    assert.ok(added?.outcome.kind === 'committed');
    const stored = added.outcome.entries.map((each) =>
      each.kind === 'instance'
        ? [each.instance.id, each.instance.modifyIndex]
        : each.kind === 'check'
          ? [each.check.id, each.check.modifyIndex]
          : [],
    );
    assert.deepEqual(stored, [
      ['new', 50],
      ['new:readiness', 50],
    ]);
  });

  test('has four transactions in flight, then lets the caller wait', async () => {
    const { clock, consul, writer } = setUp();
    for (const node of ['a', 'b', 'c', 'd']) {
      await writer.ready(signal);
      writer.submit([addition(node)]);
    }
    await clock.settle();
    assert.equal(consul.open.length, 4);
    assert.equal(writer.hasCapacity, false);
    let ready = false;
    const waiting = writer.ready(signal).then(() => {
      ready = true;
    });
    await clock.settle();
    assert.equal(ready, false);
    committed(consul.open[2]!);
    await waiting;
    assert.equal(writer.hasCapacity, true);
  });

  test('sends what gathered meanwhile in one transaction', async () => {
    const { clock, consul, writer } = setUp();
    for (const node of ['a', 'b', 'c', 'd']) writer.submit([addition(node)]);
    await clock.settle();
    committed(consul.open[0]!);
    await writer.ready(signal);
    writer.submit(['e', 'f', 'g'].map((node) => addition(node)));
    await clock.settle();
    assert.equal(consul.open.length, 4);
    assert.equal(sent(consul.open[3]!).length, 6);
  });

  test('never exceeds four in flight, however much is submitted at once', async () => {
    const { clock, consul, writer } = setUp();
    const changes = Array.from({ length: 1_000 }, (_, position) => addition(`n${position}`));
    const submitted = writer.submit(changes);
    await clock.settle();
    let transactions = 0;
    for (; consul.open.length > 0; await clock.settle()) {
      assert.ok(consul.open.length <= 4);
      assert.ok(sent(consul.open[0]!).length <= 128);
      committed(consul.open[0]!);
      transactions += 1;
    }
    assert.equal(transactions, Math.ceil(2_000 / 128));
    assert.equal((await settledNodes(clock, submitted)).length, 1_000);
  });

  test('ready() rejects with the reason of its signal', async () => {
    const { clock, writer } = setUp();
    for (const node of ['a', 'b', 'c', 'd']) writer.submit([addition(node)]);
    const abort = new AbortController();
    const waiting = writer.ready(abort.signal);
    await clock.settle();
    abort.abort(new Error('stopped'));
    await assert.rejects(waiting, /stopped/);
  });

  test('leaves the refused change out and sends the rest again at once', async () => {
    const { clock, consul, writer } = setUp();
    const submitted = writer.submit([addition('a'), addition('b'), addition('c')]);
    await clock.settle();
    rolledBack(consul.open[0]!, [2, 'Permission denied']);
    await clock.settle();
    assert.deepEqual(
      sent(consul.open[0]!).flatMap(({ Service }) => Service?.Service['ID'] ?? []),
      ['on-a', 'on-c'],
    );
    committed(consul.open[0]!);
    assert.deepEqual(await outcomes(submitted, 'a'), ['put-instance committed']);
    assert.deepEqual(await outcomes(submitted, 'b'), ['put-instance refused forbidden']);
    assert.deepEqual(await outcomes(submitted, 'c'), ['put-instance committed']);
    assert.equal(clock.now(), 0);
  });

  test('takes an operation of a check for its whole change, and several errors at once', async () => {
    const { clock, consul, writer } = setUp();
    const submitted = writer.submit([addition('a'), addition('b'), addition('c')]);
    await clock.settle();
    rolledBack(consul.open[0]!, [0, 'bad service'], [1, 'bad check'], [5, 'bad check']);
    await clock.settle();
    committed(consul.open[0]!);
    assert.deepEqual(await outcomes(submitted, 'a'), ['put-instance refused rejected']);
    assert.deepEqual(await outcomes(submitted, 'b'), ['put-instance committed']);
    assert.deepEqual(await outcomes(submitted, 'c'), ['put-instance refused rejected']);
  });

  test('writes nothing to a node that was refused', async () => {
    const { clock, consul, writer } = setUp();
    const submitted = writer.submit([...newNode('a', 'i1'), addition('b')]);
    await clock.settle();
    rolledBack(consul.open[0]!, [0, 'failed to set node "a", index is stale']);
    await clock.settle();
    assert.deepEqual(
      sent(consul.open[0]!).map(({ Service, Check }) => Service?.Service['ID'] ?? Check?.Check['CheckID']),
      ['on-b', 'on-b:readiness'],
    );
    committed(consul.open[0]!);
    assert.deepEqual(await outcomes(submitted, 'a'), [
      'put-node refused conflict',
      'put-node-check failed conflict',
      'put-instance failed conflict',
    ]);
    assert.deepEqual(await outcomes(submitted, 'b'), ['put-instance committed']);
  });

  test('sends what is on a new node only after the node', async () => {
    const { clock, consul, writer } = setUp();
    const ids = Array.from({ length: 200 }, (_, position) => `i${position}`);
    const submitted = writer.submit(newNode('a', ...ids));
    await clock.settle();
    assert.equal(consul.open.length, 1);
    assert.equal(sent(consul.open[0]!)[0]?.Node?.Verb, 'cas');
    committed(consul.open[0]!);
    await clock.settle();
    assert.equal(consul.open.length, 3);
    for (const exchange of [...consul.open]) committed(exchange);
    assert.equal((await submitted.get(consulNodeName('a')))?.length, 202);
  });

  test('lets other nodes pass one that waits for its node', async () => {
    const { clock, consul, writer } = setUp();
    const ids = Array.from({ length: 70 }, (_, position) => `i${position}`);
    writer.submit([...newNode('a', ...ids), ...ids.map((id) => addition('b', id))]);
    await clock.settle();
    // 142 operations of a, 140 of b: the second transaction holds both and waits, the third only b.
    assert.equal(consul.open.length, 2);
    assert.deepEqual(
      consul.open.map((exchange) => sent(exchange).length),
      [128, 26],
    );
  });

  test('has room for others while what was submitted waits for its node', async () => {
    const { clock, consul, writer } = setUp();
    const ids = Array.from({ length: 100 }, (_, position) => `i${position}`);
    writer.submit(newNode('a', ...ids));
    await clock.settle();
    assert.equal(writer.hasCapacity, true);
    writer.submit(newNode('b', ...ids));
    await clock.settle();
    assert.deepEqual(
      consul.open.map((exchange) => sent(exchange)[0]?.Node?.Node['Node']),
      ['a', 'b'],
    );
  });

  test('removes an instance only after what comes into its service, on whatever node', async () => {
    const { clock, consul, writer } = setUp();
    const ids = Array.from({ length: 64 }, (_, position) => `i${position}`);
    writer.submit([removal('a', 'old'), ...ids.map((id) => addition('b', id))]);
    await clock.settle();
    assert.equal(consul.open.length, 1);
    assert.equal(sent(consul.open[0]!).length, 128);
    committed(consul.open[0]!);
    await clock.settle();
    assert.deepEqual(
      sent(consul.open[0]!).map(({ Service }) => Service?.Verb),
      ['delete'],
    );
  });

  test('does not let a removal wait for what comes into its service later', async () => {
    const { clock, consul, writer } = setUp();
    const ids = Array.from({ length: 64 }, (_, position) => `i${position}`);
    writer.submit([removal('a', 'old'), ...ids.map((id) => addition('b', id))]);
    await clock.settle();
    writer.submit([addition('c')]);
    await clock.settle();
    const [first, later] = consul.open;
    committed(first!);
    await clock.settle();
    assert.deepEqual(
      consul.open.map((exchange) => sent(exchange)[0]?.Service?.Verb),
      ['set', 'delete'],
    );
    assert.equal(consul.open[0], later);
  });

  for (const [what, fail, code] of [
    ['500', (exchange: Exchange) => exchange.answer({ status: 500, body: 'No leader' }), 'unavailable'],
    ['429', (exchange: Exchange) => exchange.answer({ status: 429 }), 'throttled'],
    [
      'unknown token',
      (exchange: Exchange) => exchange.answer({ status: 403, body: 'ACL not found' }),
      'forbidden',
    ],
    [
      'reset connection',
      (exchange: Exchange) => exchange.fail(new RegistrarError('unreachable', 'reset')),
      'unreachable',
    ],
    ['garbage', (exchange: Exchange) => exchange.answer({ body: '<html>' }), 'protocol'],
    ['other results', (exchange: Exchange) => exchange.answer({ body: { Results: [] } }), 'protocol'],
  ] as const) {
    test(`a ${what} fails the whole transaction and is not repeated`, async () => {
      const { clock, consul, writer } = setUp();
      const submitted = writer.submit([addition('a'), addition('b')]);
      await clock.settle();
      fail(consul.open[0]!);
      assert.deepEqual(await outcomes(submitted, 'a'), [`put-instance failed ${code}`]);
      assert.deepEqual(await outcomes(submitted, 'b'), [`put-instance failed ${code}`]);
      assert.equal(consul.requests.length, 1);
      assert.equal(writer.hasCapacity, true);
    });
  }

  test('fails what waits together with a transaction Consul could not answer', async () => {
    const { clock, consul, writer } = setUp();
    const submitted = writer.submit(Array.from({ length: 1_000 }, (_, position) => addition(`n${position}`)));
    await clock.settle();
    consul.open[0]!.answer({ status: 503 });
    await clock.settle();
    assert.equal(consul.requests.length, 4);
    assert.deepEqual(await outcomes(submitted, 'n999'), ['put-instance failed unavailable']);
    for (const exchange of [...consul.open]) committed(exchange);
    assert.equal((await settledNodes(clock, submitted)).length, 1_000);
  });

  test('gives up on a silent server at the deadline of the client', async () => {
    const { clock, consul, writer } = setUp();
    const submitted = writer.submit([addition('a')]);
    await clock.advance(9_999);
    assert.equal(consul.open.length, 1);
    await clock.advance(1);
    assert.deepEqual(await outcomes(submitted, 'a'), ['put-instance failed timeout']);
  });

  test('learns a lower limit of operations, packs again and remembers it', async () => {
    const { clock, consul, writer } = setUp();
    const many = (prefix: string) =>
      Array.from({ length: 64 }, (_, position) => addition(`${prefix}${position}`));
    const tooMany = { status: 413, body: 'Transaction contains too many operations (128 > 64)' };
    const submitted = writer.submit(many('a'));
    await clock.settle();
    consul.open[0]!.answer(tooMany);
    await clock.settle();
    for (; consul.open.length > 0; await clock.settle()) {
      assert.equal(sent(consul.open[0]!).length, 64);
      committed(consul.open[0]!);
    }
    assert.equal((await settledNodes(clock, submitted)).length, 64);
    writer.submit(many('b'));
    await clock.settle();
    assert.deepEqual(
      consul.open.map((exchange) => sent(exchange).length),
      [64, 64],
    );
  });

  for (const lie of [
    'Transaction contains too many operations (128 > 1)',
    'Transaction contains too many operations (128 > 0)',
    'Request body(99 bytes) too large, max size: 1 bytes',
  ]) {
    test(`does not believe a limit that no Consul has: ${lie}`, async () => {
      const { clock, consul, writer } = setUp();
      const many = (prefix: string) =>
        Array.from({ length: 64 }, (_, position) => addition(`${prefix}${position}`));
      const submitted = writer.submit(many('a'));
      await clock.settle();
      consul.open[0]!.answer({ status: 413, body: lie });
      await clock.settle();
      const sizes: number[] = [];
      for (; consul.open.length > 0; await clock.settle()) {
        sizes.push(sent(consul.open[0]!).length);
        committed(consul.open[0]!);
      }
      assert.deepEqual(sizes, [64, 64]);
      assert.deepEqual(await outcomes(submitted, 'a63'), ['put-instance committed']);
    });
  }

  test('takes a lower limit for ten minutes, then tries the usual one again', async () => {
    const { clock, consul, writer } = setUp();
    const many = (prefix: string) =>
      Array.from({ length: 64 }, (_, position) => addition(`${prefix}${position}`));
    const sizes = async (prefix: string): Promise<number[]> => {
      writer.submit(many(prefix));
      await clock.settle();
      const found = consul.open.map((exchange) => sent(exchange).length);
      for (; consul.open.length > 0; await clock.settle()) committed(consul.open[0]!);
      return found;
    };
    writer.submit(many('a'));
    await clock.settle();
    consul.open[0]!.answer({ status: 413, body: 'Transaction contains too many operations (128 > 64)' });
    await clock.settle();
    for (; consul.open.length > 0; await clock.settle()) committed(consul.open[0]!);
    await clock.advance(599_999);
    assert.deepEqual(await sizes('b'), [64, 64]);
    await clock.advance(1);
    assert.deepEqual(await sizes('c'), [128]);
  });

  test('packs batches that wait to the limit learnt meanwhile', async () => {
    const { clock, consul, writer } = setUp();
    writer.submit(Array.from({ length: 640 }, (_, position) => addition(`n${position}`)));
    await clock.settle();
    let largest = 0;
    consul.reply = ({ body }) => {
      const { length } = JSON.parse(body ?? '') as unknown[];
      largest = Math.max(largest, length);
      return undefined;
    };
    const tooMany = { status: 413, body: 'Transaction contains too many operations (128 > 64)' };
    for (const exchange of [...consul.open]) exchange.answer(tooMany);
    await clock.settle();
    for (; consul.open.length > 0; await clock.settle()) committed(consul.open[0]!);
    assert.equal(largest, 64);
  });

  test('halves a transaction that is too large for a reason not named', async () => {
    const { clock, consul, writer } = setUp();
    const submitted = writer.submit([addition('a'), addition('b')]);
    await clock.settle();
    consul.open[0]!.answer({ status: 413, body: 'too large' });
    await clock.settle();
    for (; consul.open.length > 0; await clock.settle()) committed(consul.open[0]!);
    assert.deepEqual(await settledNodes(clock, submitted), ['a', 'b']);
    assert.equal(consul.requests.length, 3);
  });

  test('finds the change behind a 400, which names no operation', async () => {
    const { clock, consul, writer } = setUp();
    const nodes = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const submitted = writer.submit(nodes.map((node) => addition(node)));
    await clock.settle();
    for (; consul.open.length > 0; await clock.settle()) {
      const exchange = consul.open[0]!;
      if (sent(exchange).some(({ Service }) => Service?.Service['ID'] === 'on-f')) {
        exchange.answer({ status: 400, body: 'Failed to parse body' });
      } else committed(exchange);
    }
    for (const node of nodes) {
      const expected = node === 'f' ? 'put-instance refused rejected' : 'put-instance committed';
      assert.deepEqual(await outcomes(submitted, node), [expected]);
    }
  });

  test('refuses what Consul would take without complaint, without sending it', async () => {
    const { clock, consul, writer } = setUp();
    const wrong = { ...addition('a'), instance: instance('i1', { port: -1 }) } as Change;
    const submitted = writer.submit([wrong, addition('b')]);
    await clock.settle();
    committed(consul.open[0]!);
    assert.deepEqual(await outcomes(submitted, 'a'), ['put-instance refused rejected']);
    assert.deepEqual(await outcomes(submitted, 'b'), ['put-instance committed']);
  });

  test('close() lets transactions in flight end and starts none', async () => {
    const { clock, consul, writer } = setUp();
    const submitted = writer.submit(Array.from({ length: 1_000 }, (_, position) => addition(`n${position}`)));
    await clock.settle();
    let closed = false;
    const closing = writer.close().then(() => {
      closed = true;
    });
    await clock.settle();
    assert.equal(closed, false);
    for (const exchange of [...consul.open]) committed(exchange);
    await closing;
    assert.equal(consul.requests.length, 4);
    assert.deepEqual(await outcomes(submitted, 'n0'), ['put-instance committed']);
    assert.deepEqual(await outcomes(submitted, 'n999'), ['put-instance failed aborted']);
    assert.deepEqual(await outcomes(writer.submit([addition('late')]), 'late'), [
      'put-instance failed aborted',
    ]);
  });

  test('refuses a node whose results are not in yet', () => {
    const { writer } = setUp();
    writer.submit([addition('a')]);
    assert.throws(() => writer.submit([addition('a', 'other')]), { code: 'internal' });
  });

  test('reports every transaction with its duration', async () => {
    const { clock, consul, writer, reports } = setUp();
    writer.submit([addition('a'), addition('b')]);
    await clock.advance(7);
    rolledBack(consul.open[0]!, [0, 'no']);
    await clock.advance(3);
    committed(consul.open[0]!);
    await clock.settle();
    assert.deepEqual(
      reports.map(({ result, operations, durationMs }) => ({ result, operations, durationMs })),
      [
        { result: 'rolled-back', operations: 4, durationMs: 7 },
        { result: 'committed', operations: 2, durationMs: 3 },
      ],
    );
  });

  test('sends a node by compare and set, with the index that was observed', async () => {
    const { clock, consul, writer } = setUp();
    const wanted = entry([instance('web-1')]);
    const moved = { ...wanted, address: '192.168.0.7' };
    const { changes } = diff(desired(moved), observed(wanted, 12), { owner });
    writer.submit(changes);
    await clock.settle();
    const [op] = sent(consul.open[0]!);
    assert.deepEqual([op?.Node?.Verb, op?.Node?.Node['ModifyIndex']], ['cas', 12]);
  });
});
