import type { Clock } from '../../lib/clock.ts';
import { defaultLimits, type TxnLimits } from './batch.ts';

/**
 * No limit below these is believed: every Consul takes 64 operations and, unless it is configured otherwise, 512
 * KiB. A transaction within these that is refused as too large is halved instead (writer.ts).
 */
const leastLimits: TxnLimits = { operations: 64, bytes: 256 * 1024 };

/** How long a limit is believed, in milliseconds. An old server costs one refused transaction in this time. */
const believedMs = 600_000;

/**
 * What a transaction may hold: as much as a current Consul takes, or less for ten minutes after an answer that
 * named less. Servers are upgraded, and a proxy may lie: nothing is remembered until the process ends.
 */
export class LearntLimits {
  readonly #clock: Clock;
  #learnt: { readonly limits: TxnLimits; readonly until: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get current(): TxnLimits {
    if (this.#learnt !== undefined && this.#clock.now() >= this.#learnt.until) this.#learnt = undefined;
    return this.#learnt?.limits ?? defaultLimits;
  }

  /** Takes what an answer named. */
  learn(named: { readonly operations: number | undefined; readonly bytes: number | undefined }): void {
    const known = this.current;
    const limits = {
      operations: lower(named.operations, known.operations, leastLimits.operations),
      bytes: lower(named.bytes, known.bytes, leastLimits.bytes),
    };
    if (limits.operations === known.operations && limits.bytes === known.bytes) return;
    this.#learnt = { limits, until: this.#clock.now() + believedMs };
  }
}

const lower = (named: number | undefined, known: number, least: number): number =>
  named === undefined ? known : Math.min(known, Math.max(named, least));
