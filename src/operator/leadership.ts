import type { Config } from '../config/schema.ts';
import type { ConsulClient } from '../consul/client.ts';
import { Elector } from '../leader/elector.ts';
import type { Term } from '../leader/term.ts';
import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/deadline.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import { retry } from '../lib/retry.ts';
import type { Transport } from '../lib/transport.ts';
import type { Logger } from '../logging/logger.ts';
import type { ClusterUid } from '../model/keys.ts';
import { EpochFence } from '../registry/catalog/fence-epoch.ts';
import { type Fence, noFence } from '../registry/fence.ts';
import type { LeadershipLine } from '../server/status.ts';

/** Who this process is among its replicas. */
export interface Replica {
  /** The pod's name and a uuid: unique to this process for ever. */
  readonly identity: string;
  /** Where the Lease is, unless configured. */
  readonly namespace: string;
}

export interface LeadershipOptions {
  readonly config: Config['leaderElection'];
  readonly replica: Replica;
  readonly kube: Transport;
  readonly consul: ConsulClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Why Consul cannot be read or written from here at the moment. */
  readonly consulError: () => RegistrarError | undefined;
}

/** Writes under the fence until the signal aborts; resolves when nothing is in flight any more. */
export type Office = (fence: Fence, signal: AbortSignal) => Promise<void>;

/** How often a leader checks that it can reach Consul, in milliseconds. */
const lookMs = 5_000;
/** How long a leader that gave the lease back for lack of Consul does not take it again, in milliseconds. */
const abstainMs = 5_000;

/**
 * When this process writes: always, or while it holds the lease and Consul follows it. A leader that has
 * been without Consul for as long as a lease lasts gives the lease back, for a replica that can still reach Consul.
 * Replicas without Consul do not take the lease: while none can reach it, none leads.
 */
export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #elector: Elector | undefined;
  #fence: EpochFence | undefined;
  #unfenced: string | undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
    const { config, replica, kube, clock, random, logger } = options;
    if (!config.enabled) return;
    this.#elector = new Elector({
      kube,
      clock,
      random,
      logger,
      identity: replica.identity,
      namespace: config.namespace ?? replica.namespace,
      name: config.leaseName,
      leaseDurationMs: config.leaseDuration,
      renewDeadlineMs: config.renewDeadline,
      retryPeriodMs: config.retryPeriod,
      couldLead: (signal) => this.#reachesConsul(signal),
    });
  }

  /** Whether this process is one of several that take turns. */
  get isElected(): boolean {
    return this.#elector !== undefined;
  }

  /** Runs `office` whenever this process leads, until the signal aborts. */
  run(owner: ClusterUid, office: Office, signal: AbortSignal): Promise<void> {
    if (this.#elector === undefined) return office(noFence, signal);
    return this.#elector.run((term) => this.#serve(term, owner, office), signal);
  }

  /** Why this process ought to be ended: it holds on to a lease that is not its own any more. */
  get unhealthy(): string | undefined {
    return this.#elector?.isStuck === true
      ? 'still leading although the lease has run out; the process hangs'
      : undefined;
  }

  get isLeading(): boolean {
    return this.#elector === undefined || this.#elector.state.kind === 'leading';
  }

  /** Whether Consul refuses the writes of earlier leaders. */
  get isFenced(): boolean {
    return this.#fence?.isFenced === true;
  }

  get transitions(): number {
    return this.#elector?.transitions ?? 0;
  }

  status(): LeadershipLine {
    const { config, replica } = this.#options;
    const elector = this.#elector;
    if (elector === undefined) {
      return { state: 'alone', identity: null, holder: null, lease: null, fenced: null, error: null };
    }
    const isLeading = elector.state.kind === 'leading';
    const holder = elector.state.kind === 'standby' ? elector.state.holder : replica.identity;
    const error = elector.error === undefined ? (this.#unfenced ?? null) : describe(elector.error);
    return {
      state: elector.state.kind,
      identity: replica.identity,
      holder: holder === '' ? null : holder,
      lease: `${config.namespace ?? replica.namespace}/${config.leaseName}`,
      fenced: isLeading && this.#fence !== undefined ? this.#fence.isFenced : null,
      error,
    };
  }

  async #serve(term: Term, owner: ClusterUid, office: Office): Promise<void> {
    const watching = this.#watchConsul(term);
    try {
      this.#fence = await this.#claim(term, owner);
      if (this.#fence !== undefined) await office(this.#fence, term.signal);
    } finally {
      this.#fence = undefined;
      this.#unfenced = undefined;
      if (!term.signal.aborted) {
        term.end(new RegistrarError('aborted', 'there is nothing more to lead'));
      }
      await watching;
    }
  }

  /** Tries until Consul has answered; undefined when the term ended before. */
  async #claim(term: Term, owner: ClusterUid): Promise<EpochFence | undefined> {
    const { config, consul: client, replica, clock, random, logger } = this.#options;
    const since = clock.now();
    const claim = async () => {
      if (!term.isValid()) throw term.signal.reason;
      return EpochFence.claim(
        {
          client,
          owner,
          holder: replica.identity,
          term: term.number,
          mayWrite: () => term.isValid(),
          onDeposed: (error) => term.end(error),
          onUnfenced: (why) => this.#warnUnfenced(why),
        },
        term.signal,
      );
    };
    const onError = (error: RegistrarError) => {
      logger.warn('Consul does not accept the new leader yet; retrying', {
        reason: 'EpochNotClaimed',
        code: error.code,
        error: describe(error),
      });
      if (clock.now() - since >= config.leaseDuration) term.end(withoutConsul(error));
    };
    const options = { clock, random, initialMs: 200, maxMs: 2_000, onError };
    return retry(claim, options, term.signal).catch(() => undefined);
  }

  /** Ends the term after too long a time without Consul. */
  async #watchConsul(term: Term): Promise<void> {
    const { clock, consulError, config } = this.#options;
    let since: number | undefined;
    while (term.isValid()) {
      await clock.sleep(lookMs, term.signal).catch(() => {});
      const error = consulError();
      since = error === undefined ? undefined : (since ?? clock.now());
      if (error === undefined || since === undefined) continue;
      if (clock.now() - since >= config.leaseDuration) term.end(withoutConsul(error));
    }
  }

  /** Whether a Consul with a leader answers: by a list of no nodes, which needs no rights. */
  async #reachesConsul(signal: AbortSignal): Promise<boolean> {
    const { config, consul, clock } = this.#options;
    const ask = (until: AbortSignal) => consul.catalogNodes({ filter: 'Node == ""' }, until);
    try {
      return (await withDeadline(clock, config.renewDeadline, signal, ask)).knownLeader;
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  #warnUnfenced(why: string): void {
    this.#unfenced = `writes are not fenced: ${why}`;
    this.#options.logger.warn('writes are not fenced, so two leaders could undo each other for a moment', {
      reason: 'Unfenced',
      why,
      hint: 'grant the Consul token key_prefix "kube-registrar/" with policy write',
    });
  }
}

function withoutConsul(cause: RegistrarError): RegistrarError {
  return new RegistrarError('unavailable', 'Consul cannot be reached from here; another replica may try', {
    cause,
    retryAfterMs: abstainMs,
  });
}
