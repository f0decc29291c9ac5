import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { instance, owner } from '../../../test/support/entries.ts';
import { seeded } from '../../../test/support/seeded-random.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { ConsulClient } from '../../consul/client.ts';
import type { RegistrarError } from '../../lib/errors.ts';
import { Secret } from '../../lib/secret.ts';
import { readText } from '../../lib/transport.ts';
import { consulNodeName, serviceName } from '../../model/keys.ts';
import type { Change } from '../../plan/change.ts';
import { ConsulServer } from '../../sandbox/consul/consul-server.ts';
import { EpochFence, epochKey } from './fence-epoch.ts';
import { Writer } from './writer.ts';

const signal = new AbortController().signal;
const write = { '': { policy: 'write' } } as const;
const node = consulNodeName('demo-worker-1');

class Stage {
  readonly clock = new VirtualClock();
  readonly consul: ConsulServer;
  token: string | undefined;

  constructor({ acl = false, maxTxnOperations = 128 } = {}) {
    this.consul = new ConsulServer({
      clock: this.clock,
      random: seeded(1),
      maxTxnOperations,
      ...(acl ? { acl: { managementToken: 'root' } } : {}),
    });
    this.consul.outsider.putNode({ Node: node, Address: '192.168.0.1' });
    if (acl) this.rights({ keys: true });
  }

  rights({ keys }: { readonly keys: boolean }): void {
    const catalog = { node_prefix: write, service_prefix: write };
    this.consul.acl.setPolicy('operator', { ...catalog, ...(keys ? { key_prefix: write } : {}) }, '');
    if (this.token === undefined) this.consul.acl.createToken({ secret: 'operator', policies: ['operator'] });
    this.token = 'operator';
  }

  leader(holder: string) {
    return new Leader(this, holder);
  }

  get services(): number {
    return this.consul.outsider.services(node).length;
  }
}

/** One process with its writer behind the fence. */
class Leader {
  mayWrite = true;
  readonly deposed: RegistrarError[] = [];
  readonly unfenced: string[] = [];
  readonly #holder: string;
  readonly #clock: VirtualClock;
  readonly #client: ConsulClient;
  #writer: Writer | undefined;

  constructor(stage: Stage, holder: string) {
    this.#holder = holder;
    this.#clock = stage.clock;
    this.#client = new ConsulClient({
      transport: stage.consul.transport(),
      clock: stage.clock,
      token: () => (stage.token === undefined ? undefined : new Secret(stage.token)),
    });
  }

  async claim(): Promise<EpochFence> {
    const fence = await EpochFence.claim(
      {
        client: this.#client,
        owner,
        holder: this.#holder,
        term: 1,
        mayWrite: () => this.mayWrite,
        onDeposed: (error) => this.deposed.push(error),
        onUnfenced: (why) => this.unfenced.push(why),
      },
      signal,
    );
    this.#writer = new Writer({ client: this.#client, clock: this.#clock, fence });
    return fence;
  }

  /** What became of writing these instances. */
  async put(...ids: readonly string[]): Promise<string[]> {
    const changes = ids.map((id): Change => {
      const service = serviceName(id.startsWith('other') ? 'other' : 'web');
      return { kind: 'put-instance', node, effect: 'create', instance: instance(id, { service }) };
    });
    const results = await Promise.all(this.#writer!.submit(changes).values());
    return results
      .flat()
      .map(({ outcome }) =>
        outcome.kind === 'committed' ? 'committed' : `${outcome.kind} ${outcome.error.code}`,
      );
  }
}

describe('EpochFence', () => {
  test('lets the latest leader write and refuses whoever led before, once and for all', async () => {
    const stage = new Stage();
    const [first, second] = [stage.leader('first'), stage.leader('second')];
    await first.claim();
    assert.deepEqual(await first.put('a'), ['committed']);
    await second.claim();
    assert.deepEqual(await first.put('b', 'c'), ['failed fenced', 'failed fenced']);
    assert.deepEqual(await second.put('b'), ['committed']);
    assert.equal(stage.services, 2);
    assert.equal(first.deposed.length, 1);
    assert.match(first.deposed[0]!.message, /another leader/);
    const { transactions } = stage.consul.stats;
    assert.deepEqual(await first.put('d'), ['failed fenced']);
    assert.equal(stage.consul.stats.transactions, transactions, 'it does not even ask any more');
  });

  test('claims again what it has claimed before, with a new index', async () => {
    const stage = new Stage();
    const leader = stage.leader('first');
    const before = await leader.claim();
    const after = await leader.claim();
    assert.notEqual(before.check().body, after.check().body);
    assert.deepEqual(await leader.put('a'), ['committed']);
  });

  test('counts among the operations a transaction may hold', async () => {
    const stage = new Stage({ maxTxnOperations: 64 });
    const leader = stage.leader('first');
    await leader.claim();
    const ids = Array.from({ length: 200 }, (_, index) => `i-${index}`);
    assert.deepEqual(new Set(await leader.put(...ids)), new Set(['committed']));
    assert.equal(stage.services, 200);
  });

  test('isolates an operation that is refused, counted behind its own', async () => {
    const stage = new Stage({ acl: true });
    stage.consul.acl.setPolicy(
      'operator',
      { node_prefix: write, key_prefix: write, service: { web: { policy: 'write' } } },
      '',
    );
    const leader = stage.leader('first');
    const fence = await leader.claim();
    assert.ok(fence.isFenced);
    assert.deepEqual(await leader.put('a', 'other', 'b'), ['committed', 'refused forbidden', 'committed']);
    assert.deepEqual(leader.deposed, []);
  });

  test('a process that does not lead any more claims nothing, whenever it finds out', async () => {
    const stage = new Stage();
    await stage.leader('second').claim();
    for (const looks of [0, 1]) {
      const late = stage.leader('late');
      let left = looks;
      Object.defineProperty(late, 'mayWrite', { get: () => left-- > 0 });
      await assert.rejects(late.claim(), { code: 'fenced' });
    }
    const { ModifyIndex, CreateIndex } = await epochOf(stage);
    assert.equal(ModifyIndex, CreateIndex, 'nobody has written it again');
  });

  test('without rights on the key writes go unfenced, and it says so once', async () => {
    const stage = new Stage({ acl: true });
    stage.rights({ keys: false });
    const leader = stage.leader('first');
    const fence = await leader.claim();
    assert.equal(fence.isFenced, false);
    assert.deepEqual(await leader.put('a'), ['committed']);
    assert.equal(leader.unfenced.length, 1);
    assert.match(leader.unfenced[0]!, new RegExp(epochKey(owner)));
  });

  test('rights on the key that are lost later leave the writes unfenced', async () => {
    const stage = new Stage({ acl: true });
    const leader = stage.leader('first');
    const fence = await leader.claim();
    stage.rights({ keys: false });
    assert.deepEqual(await leader.put('a'), ['committed']);
    assert.equal(fence.isFenced, false);
    assert.equal(leader.unfenced.length, 1);
  });

  test('a token nobody knows is an error, and no reason to go unfenced', async () => {
    const stage = new Stage({ acl: true });
    stage.token = 'revoked';
    const leader = stage.leader('first');
    await assert.rejects(leader.claim(), { code: 'forbidden' });
    assert.deepEqual(leader.unfenced, []);
  });
});

async function epochOf(stage: Stage): Promise<{ CreateIndex: number; ModifyIndex: number }> {
  const response = await stage.consul
    .transport()
    .request({ method: 'GET', path: `/v1/kv/${epochKey(owner)}`, signal });
  return JSON.parse(await readText(response))[0];
}
