/**
 * Registration with agents under seeded faults, in virtual time: pods come, go and flip, agents restart, lose their
 * data, hang and break connections, outsiders interfere, the operator ends and starts. When all of it is over, what
 * consumers find is what the cluster has, and what others have registered is as it was.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClientAgent } from '../../src/sandbox/consul/client-agent.ts';
import { seeded } from '../support/seeded-random.ts';
import { type Running, SmallCluster } from '../support/small-cluster.ts';

const seeds = 12;
const steps = 60;
const nodes = ['n1', 'n2'] as const;
type Node = (typeof nodes)[number];
const addresses = { n1: '10.0.0.1', n2: '10.0.0.2' };
const config = { registration: { mode: 'agent', agent: { ttl: '2m' } } };

/** As an operator of another cluster registers, without a pod's name. */
const foreignMeta = {
  owner: 'somebody',
  'external-source': 'kubernetes',
  'kube-cluster': 'other',
  'kube-cluster-uid': 'another',
  'managed-by': 'kube-registrar',
};

interface PodState {
  readonly node: Node;
  ready: boolean;
  readonly probed: boolean;
}

/** One run. */
class Play {
  readonly cluster = new SmallCluster();
  readonly agents: Readonly<Record<Node, ClientAgent>>;
  readonly pods = new Map<string, PodState>();
  readonly story: string[] = [];
  readonly #random: () => number;
  readonly #down = new Set<Node>();
  #running: Running | undefined;
  #names = 0;

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.agents = {
      n1: this.cluster.addAgent('client-1', addresses.n1),
      n2: this.cluster.addAgent('client-2', addresses.n2),
    };
    this.#running = this.cluster.start(config);
  }

  async run(): Promise<void> {
    for (const node of nodes) await this.#registerForeign(node);
    for (let step = 0; step < steps; step += 1) {
      const act = this.#pick(this.#acts);
      this.story.push(act.name);
      await act.call(this);
      await this.cluster.clock.advance(this.#random() * (this.#chance(0.2) ? 150_000 : 5_000));
    }
  }

  /** All faults end, and so much time passes that everything must be in order. */
  async calm(): Promise<void> {
    for (const node of nodes) {
      this.agents[node].intercept = undefined;
      if (this.#down.delete(node)) this.agents[node].start();
    }
    this.#running ??= this.cluster.start(config);
    // An hour without an agent is forgotten; a fight with an outsider is over after a quarter.
    await this.cluster.clock.advance(20 * 60_000);
  }

  async end(): Promise<void> {
    await this.#running?.stop();
    assert.equal(this.cluster.consul.stats.blocked, 0, 'no query is left');
  }

  /** What the catalog has of ours, by pod: where, and its readiness check. */
  found(): Record<string, string> {
    const { outsider } = this.cluster.consul;
    const found: Record<string, string> = {};
    for (const node of ['client-1', 'client-2', 'consul']) {
      for (const { ID, Meta } of outsider.services(node)) {
        const pod = Meta?.['kube-pod'];
        if (pod === undefined) continue;
        const check = outsider.checks(node).find(({ CheckID }) => CheckID === `${ID}:readiness`);
        found[pod] = `${node} ${check?.Status}`;
      }
    }
    return found;
  }

  wanted(): Record<string, string> {
    const at = { n1: 'client-1', n2: 'client-2' };
    return Object.fromEntries(
      [...this.pods].map(([name, { node, ready }]) => [
        name,
        `${at[node]} ${ready ? 'passing' : 'critical'}`,
      ]),
    );
  }

  foreign(): string[] {
    const { outsider } = this.cluster.consul;
    return ['client-1', 'client-2'].flatMap((node) =>
      outsider
        .services(node)
        .filter(({ Meta }) => Meta?.['owner'] === 'somebody')
        .map(({ ID, Port }) => `${node} ${ID} ${Port}`),
    );
  }

  readonly #acts: readonly (() => void | Promise<void>)[] = [
    function add(this: Play) {
      const name = `p${++this.#names}`;
      const state = { node: this.#pick(nodes), ready: this.#chance(0.7), probed: this.#chance(0.3) };
      this.pods.set(name, state);
      this.#put(name, state);
    },
    function add2(this: Play) {
      this.#acts[0]!.call(this);
    },
    function remove(this: Play) {
      const [name] = this.#somePod() ?? [];
      if (name === undefined) return;
      this.pods.delete(name);
      this.cluster.kube.store.delete('pods', 'default', name);
    },
    function flip(this: Play) {
      const [name, state] = this.#somePod() ?? [];
      if (name === undefined || state === undefined) return;
      state.ready = !state.ready;
      this.#put(name, state);
    },
    function stopAgent(this: Play) {
      const node = this.#pick(nodes);
      if (this.#down.has(node)) return;
      this.#down.add(node);
      this.agents[node].stop();
    },
    async function startAgent(this: Play) {
      const node = this.#pick(nodes);
      if (!this.#down.delete(node)) return;
      const empty = this.#chance(0.5);
      this.agents[node].start({ empty });
      if (empty) await this.#registerForeign(node);
    },
    function trouble(this: Play) {
      const node = this.#pick(nodes);
      const kinds = ['hang', 'reset', 'reset-after-apply', 'truncate'] as const;
      const kind = this.#pick(kinds);
      this.agents[node].intercept = () => (this.#chance(0.4) ? { kind } : undefined);
    },
    function relief(this: Play) {
      for (const node of nodes) this.agents[node].intercept = undefined;
    },
    async function deregister(this: Play) {
      const node = this.#pick(nodes);
      const [service] = this.cluster.consul.outsider
        .services(node === 'n1' ? 'client-1' : 'client-2')
        .filter(({ Meta }) => Meta?.['kube-pod'] !== undefined);
      if (service !== undefined) await this.#ask(node, `/v1/agent/service/deregister/${service.ID}`);
    },
    async function restartOperator(this: Play) {
      if (this.#running === undefined) this.#running = this.cluster.start(config);
      else {
        const stopping = this.#running.stop();
        this.#running = undefined;
        // What hangs ends by its deadline.
        await this.cluster.clock.advance(30_000);
        await stopping;
      }
    },
  ];

  #put(name: string, { node, ready, probed }: PodState): void {
    const annotations = { service: 'web', ...(probed ? { 'check-http': '/healthz' } : {}) };
    this.cluster.putPod(name, annotations, { node, ready });
  }

  #somePod(): [string, PodState] | undefined {
    return this.pods.size === 0 ? undefined : this.#pick([...this.pods]);
  }

  async #registerForeign(node: Node): Promise<void> {
    const body = { ID: `foreign-${node}`, Name: 'web', Port: 7, Meta: foreignMeta };
    this.agents[node].intercept = undefined;
    await this.#ask(node, '/v1/agent/service/register', body);
  }

  async #ask(node: Node, path: string, body?: object): Promise<void> {
    const request = this.agents[node].transport().request({
      method: 'PUT',
      path,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(2 ** 31 - 1),
      headersTimeoutMs: 1_000,
    });
    // An agent that is away, or in trouble, does not do it.
    const asked = request.catch(() => {});
    await this.cluster.clock.advance(1_000);
    await asked;
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)]!;
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }
}

describe('registration with agents, under faults', () => {
  for (let seed = 1; seed <= seeds; seed += 1) {
    test(`seed ${seed}: when they are over, the catalog is what the cluster wants`, async () => {
      const play = new Play(seed);
      await play.run();
      await play.calm();
      const story = `\n${play.story.join(', ')}`;
      assert.deepEqual(play.found(), play.wanted(), story);
      assert.deepEqual(play.foreign(), ['client-1 foreign-n1 7', 'client-2 foreign-n2 7'], story);
      await play.end();
    });
  }
});
