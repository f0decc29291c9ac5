import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProcessClock } from '../../test/simulation/process-clock.ts';
import { ProcessNetwork } from '../../test/simulation/process-network.ts';
import { type LogLine, recorder } from '../../test/support/log-recorder.ts';
import { seeded } from '../../test/support/seeded-random.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import type { HttpRequest } from '../lib/transport.ts';
import { KubeApi } from '../sandbox/kube/kube-api.ts';
import { Elector } from './elector.ts';
import type { Lease } from './lease-record.ts';
import type { Term } from './term.ts';

const times = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

class Poll {
  readonly clock = new VirtualClock();
  readonly kube = new KubeApi({ clock: this.clock, random: seeded(1) });
  readonly candidates: Candidate[] = [];

  candidate(name: string): Candidate {
    const candidate = new Candidate(this, name);
    this.candidates.push(candidate);
    return candidate;
  }

  get lease(): Lease | undefined {
    return this.kube.store.get('leases.coordination.k8s.io', 'default', 'registrar');
  }

  /** Whose term the processes themselves believe to be valid. */
  get leaders(): string[] {
    return this.candidates.filter((each) => each.term?.isValid() === true).map(({ name }) => name);
  }
}

/** A process that wants to lead, with a clock and a network of its own. */
class Candidate {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly network: ProcessNetwork;
  readonly elector: Elector;
  readonly requests: HttpRequest[] = [];
  readonly log: LogLine[] = [];
  readonly #stop = new AbortController();
  readonly ended: Promise<void>;
  term: Term | undefined;
  terms = 0;
  /** How long a term takes to end what it has in flight. */
  drainMs = 0;
  cut: 'refuses' | 'hangs' | undefined;
  couldLead = true;

  constructor({ clock, kube }: Poll, name: string) {
    this.name = name;
    this.clock = new ProcessClock(clock);
    this.network = new ProcessNetwork({
      server: kube.transport(),
      world: clock,
      clock: this.clock,
      latency: () => 0,
      send: (request, handOver) => this.#send(request, handOver),
    });
    this.elector = new Elector({
      ...times,
      kube: this.network,
      clock: this.clock,
      random: seeded(name.length),
      logger: recorder(this.log),
      namespace: 'default',
      name: 'registrar',
      identity: name,
      couldLead: async () => this.couldLead,
    });
    this.ended = this.elector.run((term) => this.#lead(term), this.#stop.signal);
  }

  stop(): void {
    this.#stop.abort();
  }

  kill(): void {
    this.term = undefined;
    this.clock.kill();
    this.network.kill();
  }

  async #lead(term: Term): Promise<void> {
    this.term = term;
    this.terms += 1;
    await new Promise((resolve) => term.signal.addEventListener('abort', resolve));
    const live = new AbortController().signal;
    if (this.drainMs > 0) await this.clock.sleep(this.drainMs, live);
  }

  #send<T>(request: HttpRequest, handOver: () => Promise<T>): Promise<T> {
    this.requests.push(request);
    if (this.cut === undefined) return handOver();
    if (this.cut === 'refuses') throw new RegistrarError('unreachable', 'connection refused');
    return new Promise((_, reject) => {
      request.signal.addEventListener('abort', () => reject(new RegistrarError('aborted', 'aborted')));
    });
  }
}

async function leaderAndStandby() {
  const poll = new Poll();
  const first = poll.candidate('first');
  await poll.clock.advance(100);
  const second = poll.candidate('second');
  await poll.clock.advance(20_000);
  assert.deepEqual(poll.leaders, ['first']);
  return { poll, first, second };
}

describe('Elector', () => {
  test('makes one of several the leader and keeps it for as long as it lives', async () => {
    const poll = new Poll();
    for (const name of ['a', 'b', 'c']) poll.candidate(name);
    await poll.clock.advance(10);
    const [leader] = poll.leaders;
    for (let second = 0; second < 300; second += 1) {
      await poll.clock.advance(1_000);
      assert.deepEqual(poll.leaders, [leader]);
    }
    assert.equal(poll.lease?.spec?.leaseTransitions, 0);
    assert.equal(poll.lease?.spec?.holderIdentity, leader);
  });

  test('leaves a free lease to those who could do something with it, and takes it within seconds of being able to', async () => {
    const poll = new Poll();
    const unable = poll.candidate('unable');
    unable.couldLead = false;
    await poll.clock.advance(60_000);
    assert.equal(poll.lease, undefined);
    const able = poll.candidate('able');
    await poll.clock.advance(100);
    assert.deepEqual(poll.leaders, ['able']);
    able.kill();
    await poll.clock.advance(60_000);
    assert.deepEqual(poll.leaders, []);
    assert.equal(unable.terms, 0);
    unable.couldLead = true;
    await poll.clock.advance(2_500);
    assert.deepEqual(poll.leaders, ['unable']);
  });

  test('renews every retry period with the version it replaces and the same acquireTime', async () => {
    const { poll, first } = await leaderAndStandby();
    const { acquireTime } = poll.lease!.spec!;
    const before = first.requests.length;
    await poll.clock.advance(20_000);
    const renewals = first.requests.slice(before);
    assert.equal(renewals.length, 10);
    for (const { method, body } of renewals) {
      assert.equal(method, 'PUT');
      assert.match(body ?? '', /"resourceVersion":"\d+"/);
    }
    assert.equal(poll.lease?.spec?.acquireTime, acquireTime);
  });

  test('killed: a standby leads within 3 s of the end of the lease', async () => {
    const { poll, first, second } = await leaderAndStandby();
    const renewedAt = (first.elector.state as { term: { renewedAt: number } }).term.renewedAt;
    first.kill();
    await poll.clock.advanceUntil(() => second.term !== undefined);
    const late = poll.clock.now() - (renewedAt + times.leaseDurationMs);
    assert.ok(late >= 0 && late <= 3_000, `${late} ms`);
    assert.equal(poll.lease?.spec?.leaseTransitions, 1);
  });

  test('stopped: ends its term, drains, gives the lease back, and a standby leads at once', async () => {
    const { poll, first, second } = await leaderAndStandby();
    first.drainMs = 200;
    const { term } = first;
    first.stop();
    assert.ok(term?.signal.aborted);
    await poll.clock.advance(150);
    assert.equal(poll.lease?.spec?.holderIdentity, 'first', 'not before what is in flight has ended');
    const stoppedAt = poll.clock.now() - 150;
    await poll.clock.advanceUntil(() => second.term !== undefined);
    assert.ok(poll.clock.now() - stoppedAt < 1_000);
    await first.ended;
    assert.equal(first.clock.pending, 0);
  });

  test('cut off: the term ends at the renew deadline, before anybody else leads; then it stands by', async () => {
    for (const cut of ['refuses', 'hangs'] as const) {
      const { poll, first, second } = await leaderAndStandby();
      const { term } = first;
      const cutAt = poll.clock.now();
      first.cut = cut;
      await poll.clock.advanceUntil(() => term!.signal.aborted);
      assert.ok(poll.clock.now() - cutAt <= times.renewDeadlineMs);
      assert.equal(second.term, undefined);
      await poll.clock.advanceUntil(() => second.term !== undefined);
      first.cut = undefined;
      await poll.clock.advance(30_000);
      assert.deepEqual(poll.leaders, ['second']);
      second.stop();
      await poll.clock.advance(3_000);
      assert.deepEqual(poll.leaders, ['first']);
      assert.equal(first.terms, 2);
    }
  });

  test('standing still for 60 s: the successor leads, and the old leader knows it before it does anything', async () => {
    const { poll, first, second } = await leaderAndStandby();
    const { term } = first;
    first.clock.stall(60_000);
    await poll.clock.advance(59_000);
    assert.ok(second.term?.isValid());
    assert.equal(term!.signal.aborted, false, 'nothing of it runs');
    assert.ok(first.elector.isStuck);
    assert.equal(term!.isValid(), false, 'whoever asks learns it');
    await poll.clock.advance(2_000);
    assert.deepEqual(poll.leaders, ['second']);
    assert.equal(first.elector.isStuck, false);
  });

  test('standing still past the deadline has lost even when nobody else was there', async () => {
    const poll = new Poll();
    const only = poll.candidate('only');
    await poll.clock.advance(5_000);
    const { term } = only;
    only.clock.stall(12_000);
    await poll.clock.advance(12_100);
    assert.ok(term!.signal.aborted);
    await poll.clock.advance(5_000);
    assert.deepEqual(poll.leaders, ['only']);
    assert.equal(only.terms, 2);
  });

  test('wall clocks that jump change nothing', async () => {
    const { poll, first, second } = await leaderAndStandby();
    for (const skew of [3_600_000, -86_400_000, 0]) {
      first.clock.skewMs = skew;
      second.clock.skewMs = -skew;
      await poll.clock.advance(30_000);
      assert.deepEqual(poll.leaders, ['first']);
    }
    assert.equal(poll.lease?.spec?.leaseTransitions, 0);
  });

  test('a renewal whose answer was lost is found to have been made', async () => {
    const { poll, first } = await leaderAndStandby();
    let resets = 1;
    poll.kube.faults.intercept = ({ method }) =>
      method === 'PUT' && resets-- > 0 ? { kind: 'reset', applied: true } : undefined;
    await poll.clock.advance(20_000);
    assert.deepEqual(poll.leaders, ['first']);
    assert.equal(first.terms, 1);
  });

  test('an edit of the lease by others, or its deletion, costs no term', async () => {
    const { poll, first } = await leaderAndStandby();
    const lease = poll.kube.store.get('leases.coordination.k8s.io', 'default', 'registrar')!;
    poll.kube.store.apply({ ...lease, metadata: { ...lease.metadata, labels: { seen: 'yes' } } });
    await poll.clock.advance(5_000);
    poll.kube.store.delete('leases.coordination.k8s.io', 'default', 'registrar');
    await poll.clock.advance(5_000);
    assert.equal(poll.leaders.length, 1);
    assert.equal(first.terms, 1);
  });

  test('a term ended for a reason of its own gives the lease back and waits as long as it says', async () => {
    const { poll, first, second } = await leaderAndStandby();
    first.term!.end(new RegistrarError('unavailable', 'Consul', { retryAfterMs: 30_000 }));
    await poll.clock.advance(1_000);
    assert.deepEqual(poll.leaders, ['second']);
    second.stop();
    await poll.clock.advance(27_000);
    assert.deepEqual(poll.leaders, []);
    await poll.clock.advance(3_000);
    assert.deepEqual(poll.leaders, ['first']);
  });

  test('without the right to leases nobody leads, and the log says what is missing', async () => {
    const poll = new Poll();
    poll.kube.faults.intercept = () => ({ kind: 'answer', status: 403, body: { message: 'forbidden' } });
    const candidate = poll.candidate('a');
    await poll.clock.advance(60_000);
    assert.deepEqual(poll.leaders, []);
    const told = candidate.log.filter(({ fields }) => fields['reason'] === 'LeaseUnavailable');
    assert.equal(told.length, 1);
    assert.match(String(told[0]?.fields['hint']), /leases/);
    candidate.stop();
    await candidate.ended;
    assert.equal(poll.clock.pending, 0);
  });
});
