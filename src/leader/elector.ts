import { describe, RegistrarError } from '../lib/errors.ts';
import { Outage } from '../lib/outage.ts';
import { jittered, type Random } from '../lib/random.ts';
import { Wakeup } from '../lib/wakeup.ts';
import type { Logger } from '../logging/logger.ts';
import { LeaseClient, type LeaseClientOptions } from './lease-client.ts';
import {
  checkTimes,
  claimed,
  expiresAt,
  firstLease,
  holderOf,
  type Lease,
  type LeaseTimes,
  type Observation,
  observe,
  released,
} from './lease-record.ts';
import { watchLease } from './lease-watch.ts';
import { LeaseTerm, type Term } from './term.ts';

export interface ElectorOptions extends LeaseClientOptions, LeaseTimes {
  readonly random: Random;
  readonly logger: Logger;
  /** Unique to this process for ever: the pod's name and a uuid. */
  readonly identity: string;
  /**
   * Whether this process could work as the leader, asked before it takes a free lease: one that could not would
   * only delay another that can. Must not reject while the signal has not aborted. Default: always.
   */
  readonly couldLead?: (signal: AbortSignal) => Promise<boolean>;
}

/** Where this process stands; `holder` is the last one seen, empty when there is none. */
export type ElectorState =
  | { readonly kind: 'standby'; readonly holder: string }
  | { readonly kind: 'leading'; readonly term: LeaseTerm };

/** Longest time for giving the lease back, in milliseconds: the successor waits for it. */
const releaseWithinMs = 3_000;

/**
 * Elects one leader among processes through a Lease (coordination.k8s.io/v1). It trusts its own monotonic clock and no
 * other:
 *
 * - a lease has expired when this process has seen its record unchanged for as long as the record says;
 * - the leader's time counts from the *start* of its last successful renewal: at the renew deadline its term
 *   ends, before anybody else may take the lease, and every call is aborted by then;
 * - an event loop that was blocked past the deadline has lost, even if nobody took the lease;
 * - every write of the record names the version it replaces, so of two only one succeeds;
 * - the term ends, and what it still has in flight with it, before the lease is given back;
 * - a process that has lost stands by and may lead again;
 * - a process that could not work as the leader leaves the lease alone.
 */
export class Elector {
  readonly #options: ElectorOptions;
  readonly #client: LeaseClient;
  #state: ElectorState = { kind: 'standby', holder: '' };
  #seen: Observation | undefined;
  readonly #outage = new Outage();

  /** Throws `config` for times that do not fit each other. */
  constructor(options: ElectorOptions) {
    checkTimes(options);
    this.#options = options;
    this.#client = new LeaseClient(options);
  }

  get state(): ElectorState {
    return this.#state;
  }

  /** Why the lease cannot be read or written at the moment. */
  get error(): RegistrarError | undefined {
    return this.#outage.error;
  }

  /** How often the lease went to another holder, as last seen. */
  get transitions(): number {
    return this.#seen?.lease.spec?.leaseTransitions ?? 0;
  }

  /** Still leading although another process may have taken over: the liveness probe ends this process. */
  get isStuck(): boolean {
    const { clock, leaseDurationMs } = this.#options;
    return this.#state.kind === 'leading' && clock.now() > this.#state.term.renewedAt + leaseDurationMs;
  }

  /**
   * Stands by and leads in turn until the signal aborts. `lead` is called once a term; it is to stop writing
   * when the term's signal aborts, and to resolve when nothing of it is in flight. Rejects only as `lead`.
   */
  async run(lead: (term: Term) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, random, retryPeriodMs } = this.#options;
    for (;;) {
      const term = await this.#acquire(signal);
      if (term === undefined) return;
      await this.#lead(term, lead, signal);
      if (signal.aborted) return;
      const { retryAfterMs = jittered(retryPeriodMs, 0.1, random) } = term.signal.reason as RegistrarError;
      await clock.sleep(retryAfterMs, signal).catch(() => {});
    }
  }

  /** Undefined when the signal aborted first. */
  async #acquire(signal: AbortSignal): Promise<LeaseTerm | undefined> {
    const { clock, random, retryPeriodMs } = this.#options;
    const changes = new Wakeup(clock);
    const done = new AbortController();
    const watching = watchLease(
      {
        client: this.#client,
        clock,
        onChange: () => changes.notify(),
        onForbidden: (error) => this.#cannotWatch(error),
      },
      AbortSignal.any([signal, done.signal]),
    );
    try {
      for (;;) {
        let waitMs = jittered(retryPeriodMs, 0.1, random);
        try {
          const turn = await this.#try(signal);
          if (turn instanceof LeaseTerm) return turn;
          waitMs = Math.min(waitMs, turn);
        } catch (thrown) {
          signal.throwIfAborted();
          this.#failed(RegistrarError.from(thrown));
        }
        await changes.wait(waitMs, signal);
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
      return undefined;
    } finally {
      done.abort();
      await watching;
    }
  }

  #cannotWatch(error: RegistrarError): void {
    const { logger, name, namespace } = this.#options;
    logger.warn('cannot watch the lease; its release is noticed later', {
      reason: 'LeaseNotWatched',
      lease: `${namespace}/${name}`,
      code: error.code,
      error: describe(error),
      hint: 'grant watch on leases in this namespace',
    });
  }

  /** The term that was won, or the milliseconds until the lease expires if nothing changes. */
  async #try(signal: AbortSignal): Promise<LeaseTerm | number> {
    const { clock, identity, renewDeadlineMs: within, leaseDurationMs, name, namespace } = this.#options;
    const { couldLead = async () => true, retryPeriodMs } = this.#options;
    let startedAt = clock.now();
    const lease = await this.#client.read(within, signal);
    if (lease === undefined) {
      if (!(await couldLead(signal))) return retryPeriodMs;
      startedAt = clock.now();
      return this.#won(
        await this.#client.create(firstLease(name, namespace, this.#claim()), within, signal),
        startedAt,
      );
    }
    this.#take(lease);
    this.#standBy(holderOf(lease));
    const leftMs = expiresAt(this.#seen!, leaseDurationMs) - clock.now();
    if (leftMs > 0 && holderOf(lease) !== identity) return leftMs;
    if (!(await couldLead(signal))) return retryPeriodMs;
    startedAt = clock.now();
    return this.#won(await this.#client.update(claimed(lease, this.#claim()), within, signal), startedAt);
  }

  #won(lease: Lease, startedAt: number): LeaseTerm {
    const { clock, logger, identity, renewDeadlineMs } = this.#options;
    this.#take(lease);
    const term = new LeaseTerm(clock, this.transitions, startedAt, renewDeadlineMs);
    this.#state = { kind: 'leading', term };
    logger.info('this process leads', { reason: 'LeaderElected', identity, term: term.number });
    return term;
  }

  async #lead(term: LeaseTerm, lead: (term: Term) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { logger, identity } = this.#options;
    const onStop = () => term.end(new RegistrarError('aborted', 'the process ends'));
    signal.addEventListener('abort', onStop, { once: true });
    if (signal.aborted) onStop();
    const leading = lead(term).finally(() =>
      term.end(new RegistrarError('aborted', 'there is nothing more to lead')),
    );
    const [led] = await Promise.allSettled([leading, this.#renew(term)]);
    signal.removeEventListener('abort', onStop);
    const why = RegistrarError.from(term.signal.reason);
    // After these two, another process holds the lease or may hold it.
    if (why.code !== 'timeout' && why.code !== 'conflict') await this.#release();
    this.#state = { kind: 'standby', holder: '' };
    const fields = { reason: 'LeadershipLost' as const, identity, why: describe(why) };
    if (signal.aborted) logger.info('this process no longer leads', fields);
    else logger.warn('this process no longer leads and is now a standby', fields);
    if (led.status === 'rejected') throw led.reason;
  }

  /** Renews until the term is over. */
  async #renew(term: LeaseTerm): Promise<void> {
    const { clock, retryPeriodMs } = this.#options;
    let attemptedAt = term.renewedAt;
    while (term.isValid()) {
      await clock.sleep(Math.max(0, attemptedAt + retryPeriodMs - clock.now()), term.signal).catch(() => {});
      // The event loop may have been blocked: then the term is over, whatever the server answers.
      if (!term.isValid()) return;
      attemptedAt = clock.now();
      try {
        await this.#renewOnce(term);
        term.renewed(attemptedAt);
      } catch (thrown) {
        if (term.signal.aborted) return;
        this.#failed(RegistrarError.from(thrown));
      }
    }
  }

  /** Ends the term when somebody else holds the lease. */
  async #renewOnce(term: LeaseTerm): Promise<void> {
    const { identity, name, namespace, renewDeadlineMs } = this.#options;
    // A hanging call is aborted early enough for another try.
    const withinMs = Math.min(term.remainingMs, renewDeadlineMs / 2);
    try {
      const mine = claimed(this.#seen!.lease, this.#claim());
      return this.#take(await this.#client.update(mine, withinMs, term.signal));
    } catch (thrown) {
      const { code } = RegistrarError.from(thrown);
      if (code !== 'conflict' && code !== 'not-found') throw thrown;
    }
    const lease = await this.#client.read(withinMs, term.signal);
    if (lease === undefined) {
      const again = firstLease(name, namespace, this.#claim());
      return this.#take(await this.#client.create(again, withinMs, term.signal));
    }
    this.#take(lease);
    if (holderOf(lease) === identity) {
      this.#take(await this.#client.update(claimed(lease, this.#claim()), withinMs, term.signal));
      return;
    }
    const holder = holderOf(lease) || 'nobody';
    term.end(new RegistrarError('conflict', `the lease is held by ${holder}`));
  }

  /** Gives the lease back. If that fails, it expires. */
  async #release(): Promise<void> {
    const { clock, logger, identity } = this.#options;
    const signal = neverAborted;
    try {
      const give = async (lease: Lease) =>
        this.#take(await this.#client.update(released(lease, clock.wall()), releaseWithinMs, signal));
      await give(this.#seen!.lease).catch(async (thrown) => {
        if (RegistrarError.from(thrown).code !== 'conflict') throw thrown;
        // A renewal that was cut off may have arrived all the same.
        const lease = await this.#client.read(releaseWithinMs, signal);
        if (lease !== undefined && holderOf(lease) === identity) await give(lease);
      });
    } catch (thrown) {
      logger.warn('cannot release the lease; it expires later', {
        reason: 'LeaseNotReleased',
        error: describe(thrown),
      });
    }
  }

  #claim() {
    const { identity, leaseDurationMs, clock } = this.#options;
    return { identity, durationMs: leaseDurationMs, wall: clock.wall() };
  }

  #take(lease: Lease): void {
    this.#outage.over();
    this.#seen = observe(this.#seen, lease, this.#options.clock.now());
  }

  #standBy(holder: string): void {
    const { identity, logger } = this.#options;
    const before = this.#state.kind === 'standby' ? this.#state.holder : '';
    this.#state = { kind: 'standby', holder };
    if (holder === before || holder === '') return;
    logger.info(`${holder} leads; this process is a standby`, { reason: 'Standby', identity, holder });
  }

  #failed(error: RegistrarError): void {
    // Another process was faster, as a standby expects.
    if (error.code === 'conflict') return;
    const { logger, namespace, name } = this.#options;
    if (!this.#outage.failed(error)) return;
    logger.warn('cannot read or write the lease; retrying', {
      reason: 'LeaseUnavailable',
      lease: `${namespace}/${name}`,
      code: error.code,
      error: describe(error),
      ...(error.code === 'forbidden'
        ? { hint: 'grant get, create and update on leases in this namespace' }
        : {}),
    });
  }
}

const neverAborted = new AbortController().signal;
