import { compareResourceVersions } from '../../kube/resource-version.ts';
import type { Clock } from '../../lib/clock.ts';

export interface SteadinessOptions {
  readonly clock: Clock;
  /** A watch is lost, or what it shows may be of another history. */
  readonly isTroubled: () => boolean;
  /** When the history went backwards last, monotonic ms. */
  readonly wentBackAt: () => number | undefined;
}

/** How long nobody may have written, ms: every kubelet renews its Lease each ten seconds. */
const stillMs = 30_000;

/**
 * Since when the API server has been well, as far as that shows: its watches run in one history, and consistent
 * reads are answered and find that somebody writes. Kubelets and controllers renew their Leases all the time, so a
 * history that stands still is a server that nobody can write to.
 */
export class Steadiness {
  readonly #options: SteadinessOptions;
  #since: number;
  #version = '';
  #grewAt: number;

  constructor(options: SteadinessOptions) {
    this.#options = options;
    this.#since = options.clock.now();
    this.#grewAt = this.#since;
  }

  /** Monotonic ms; now, while it is not. */
  get since(): number {
    if (this.#options.isTroubled()) this.disturb();
    return Math.max(this.#since, this.#options.wentBackAt() ?? this.#since);
  }

  /** It is not well at this moment. */
  disturb(): void {
    this.#since = this.#options.clock.now();
  }

  /** A consistent read found the history at this version. */
  read(version: string): void {
    const now = this.#options.clock.now();
    const order = compareResourceVersions(version, this.#version);
    if (order !== 0) {
      if (order !== undefined && order < 0) this.disturb();
      this.#version = version;
      this.#grewAt = now;
    } else if (now - this.#grewAt > stillMs) this.disturb();
  }
}
