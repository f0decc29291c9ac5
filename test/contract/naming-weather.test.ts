import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Transport } from '../../src/lib/transport.ts';
import { ConsulNaming } from '../../src/naming/naming.ts';
import { ConsulServer } from '../../src/sandbox/consul/consul-server.ts';
import { type Fault, rateLimited } from '../../src/sandbox/consul/faults.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** What happens to Consul next, and how long until the step after that, in milliseconds. */
type Step = { readonly waitMs: number } & (
  | { readonly kind: 'put' | 'delete' | 'fail' | 'pass'; readonly id: string }
  | { readonly kind: 'weather'; readonly fault: Fault | undefined }
  | { readonly kind: 'leader'; readonly lost: boolean }
  | { readonly kind: 'save' | 'restore' }
  | { readonly kind: 'rights'; readonly rights: 'read' | 'none' | 'unknown' }
);

const fault = fc.constantFrom<Fault | undefined>(
  undefined,
  { kind: 'answer', status: 500, body: 'rpc error: EOF' },
  { kind: 'answer', status: 403, body: 'ACL not found' },
  rateLimited(3),
  { kind: 'hang' },
  { kind: 'reset' },
  { kind: 'truncate' },
  { kind: 'delay', ms: 3_000 },
);
// In the middle of a query, or beyond its end.
const waitMs = fc.oneof(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 20_000, max: 70_000 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('put', 'delete', 'fail', 'pass'),
      id: fc.constantFrom('a', 'b', 'c'),
      waitMs,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('weather'), fault, waitMs }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leader'), lost: fc.boolean(), waitMs }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('save', 'restore'), waitMs }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('rights'),
      rights: fc.constantFrom('read', 'none', 'unknown'),
      waitMs,
    }),
  },
);

const mayRead = {
  node_prefix: { '': { policy: 'read' } },
  service_prefix: { '': { policy: 'read' } },
} as const;

/** A Consul under `steps`, and somebody who writes down every state it was in. */
class World implements Disposable {
  readonly clock = new VirtualClock();
  readonly consul = new ConsulServer({
    clock: this.clock,
    random: () => 0.5,
    acl: { managementToken: 'master' },
  });
  readonly history = new Set<string>();
  #snapshot = this.consul.snapshot();

  constructor() {
    this.consul.outsider.putNode({ Node: 'n', Address: '10.0.0.9' });
    // Nobody touches this one: the service is never empty, whatever an answer may say.
    this.#put('always');
    this.#snapshot = this.consul.snapshot();
    this.#grant('read');
    this.#write();
  }

  passing(): string {
    const failing = new Set(
      this.consul.outsider
        .checks('n')
        .filter(({ Status }) => Status !== 'passing')
        .map(({ ServiceID }) => ServiceID),
    );
    const ids = this.consul.outsider.services('n').map(({ ID }) => ID);
    return ids
      .filter((id) => !failing.has(id))
      .sort()
      .join();
  }

  async take(step: Step): Promise<void> {
    const { outsider } = this.consul;
    switch (step.kind) {
      case 'put':
        this.#put(step.id);
        break;
      case 'delete':
        outsider.removeService('n', step.id);
        break;
      case 'fail':
      case 'pass':
        if (outsider.services('n').some(({ ID }) => ID === step.id)) {
          const Status = step.kind === 'pass' ? 'passing' : 'critical';
          outsider.putCheck({
            Node: 'n',
            CheckID: `c-${step.id}`,
            ServiceID: step.id,
            ServiceName: 'web',
            Status,
          });
        }
        break;
      case 'weather':
        this.consul.intercept = () => step.fault;
        break;
      case 'leader':
        this.consul.leaderless = step.lost;
        break;
      case 'save':
        this.#snapshot = this.consul.snapshot();
        break;
      case 'restore':
        this.consul.restore(this.#snapshot);
        break;
      case 'rights':
        this.#grant(step.rights);
        break;
    }
    this.#write();
    await this.clock.advance(step.waitMs);
  }

  async clearUp(): Promise<void> {
    this.consul.intercept = undefined;
    this.consul.leaderless = false;
    this.#grant('read');
    // The longest wait of a query, the longest backoff, and what a hanging request takes to be given up.
    await this.clock.advance(90_000);
  }

  [Symbol.dispose](): void {
    this.consul[Symbol.dispose]();
    assert.equal(this.clock.pending, 0, 'timers left behind');
  }

  /** What the token `reader` may do. */
  #grant(rights: 'read' | 'none' | 'unknown'): void {
    const { acl } = this.consul;
    if (rights === 'unknown') {
      acl.revoke('reader');
      return;
    }
    acl.setPolicy('reader', rights === 'none' ? {} : mayRead, '');
    if (!acl.knows('reader')) acl.createToken({ secret: 'reader', policies: ['reader'] });
  }

  #put(id: string): void {
    this.consul.outsider.putService('n', { ID: id, Service: 'web', Address: '10.0.0.1', Port: 80 });
  }

  #write(): void {
    this.history.add(this.passing());
  }
}

/** Consul 1.22 says nothing of ACLs on answers from its streaming backend. */
function hidingWhatStreamsHide(transport: Transport): Transport {
  return {
    async request(request) {
      const response = await transport.request(request);
      if (response.headers['x-consul-query-backend'] !== 'streaming') return response;
      const { 'x-consul-results-filtered-by-acls': _, ...headers } = response.headers;
      return { ...response, headers };
    },
    close: () => transport.close(),
  };
}

describe('a subscription in any weather', () => {
  test('tells only of states that were, and of the last one once the sky is clear', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        using world = new World();
        const { clock, consul } = world;
        await using naming = new ConsulNaming({
          transport: () => hidingWhatStreamsHide(consul.transport()),
          token: 'reader',
          clock,
          random: () => 0.5,
          report: () => {},
        });
        let seen = 'always';
        const wrong: string[] = [];
        const subscribing = naming.subscribe('web', (instances, { added, removed, changed }) => {
          seen = instances.map(({ id }) => id).join();
          if (!world.history.has(seen)) wrong.push(`"${seen}" never was`);
          if (added.length + removed.length + changed.length === 0)
            wrong.push('called back without a change');
        });
        await clock.settle();
        await subscribing;
        for (const step of steps) await world.take(step);
        await world.clearUp();
        assert.deepEqual(wrong, []);
        assert.equal(seen, world.passing());
        const found = naming.find('web');
        await clock.advance(2_000);
        assert.equal((await found).map(({ id }) => id).join(), world.passing());
      }),
      { numRuns: 100 },
    );
  });
});
