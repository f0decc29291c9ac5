import { describe } from '../../lib/errors.ts';
import type { Logger } from '../../logging/logger.ts';
import { compareResourceVersions } from '../resource-version.ts';

export interface HistoryOptions {
  readonly logger: Logger;
  /** Called when history went backwards. What it throws is logged. */
  readonly onRegression: (seen: string, listed: string) => void;
}

/**
 * How far the server's history has come, by what was read. Within one history versions only grow. A consistent read
 * with an older version means that etcd was restored from a backup.
 */
export class History {
  readonly #logger: Logger;
  readonly #onRegression: HistoryOptions['onRegression'];
  #seen = '';
  #regressions = 0;
  #mayRepeat = false;

  constructor({ logger, onRegression }: HistoryOptions) {
    this.#logger = logger;
    this.#onRegression = onRegression;
  }

  /** The newest version; empty before the first. */
  get seen(): string {
    return this.#seen;
  }

  get regressions(): number {
    return this.#regressions;
  }

  /**
   * Whether history went back, or may have, since the last complete list. The new history counts on from there, so a
   * known version may stand for another state.
   */
  get mayRepeat(): boolean {
    return this.#mayRepeat;
  }

  /** A complete list of this history was applied. */
  settle(): void {
    this.#mayRepeat = false;
  }

  /** Whether `version` is older than what was seen, or than what had been seen at some earlier time. */
  isPast(version: string, seen = this.#seen): boolean {
    const order = compareResourceVersions(version, seen);
    return order !== undefined && order < 0;
  }

  /** An event or bookmark of this history was applied. */
  advance(version: string): void {
    this.#seen = version;
  }

  /** Takes over the version of a consistent read, and reports it when it is a step back. */
  accept(listed: string): void {
    const seen = this.#seen;
    const isStepBack = this.isPast(listed);
    this.#seen = listed;
    if (isStepBack) this.#regressed(seen, listed);
  }

  /**
   * A watch without a gap differs from what the server has, so known versions prove nothing. `listed`: the versions
   * that the server has. A version that the watch has passed shows that this is another history.
   */
  disown(listed: readonly string[]): void {
    this.#mayRepeat = true;
    const isOther = listed.some((version) => (compareResourceVersions(version, this.#seen) ?? 1) <= 0);
    if (isOther) this.#regressed(this.#seen, this.#seen);
  }

  #regressed(seen: string, listed: string): void {
    this.#regressions += 1;
    this.#mayRepeat = true;
    this.#logger.warn('the API server went back to an older state; removals wait until they are confirmed', {
      reason: 'Regression',
      seen,
      listed,
    });
    try {
      this.#onRegression(seen, listed);
    } catch (thrown) {
      this.#logger.error('cannot handle that the API server went back', {
        reason: 'HandlerFailed',
        error: describe(thrown),
      });
    }
  }
}
