import type { Clock } from '../lib/clock.ts';
import { counted } from '../lib/counted.ts';
import type { LogReason } from '../logging/log-reasons.ts';
import type { LogFields, Logger } from '../logging/logger.ts';

/** What a change did. Its line is of level `info`, or `debug` among many. */
export interface ChangeLine {
  readonly message: string;
  readonly reason: LogReason<'info'> & LogReason<'debug'>;
  readonly fields: LogFields;
}

/** Changes that have a line each within a period, and how long a period is, in milliseconds. */
const mostLines = 200;
const periodMs = 1_000;

/**
 * The lines of committed changes. After the first 200 within a second the others are counted, and one line at its end
 * says how many of each kind there were; their own lines are of level `debug`. A cold sync of 5,000 pods would be 2 MB
 * of lines that say the same.
 */
export class ChangeLines implements Disposable {
  readonly #clock: Pick<Clock, 'now' | 'schedule'>;
  readonly #logger: Logger;
  #periodEnd = Number.NEGATIVE_INFINITY;
  #lines = 0;
  readonly #counted = new Map<ChangeLine['reason'], number>();
  #timer: Disposable | undefined;

  constructor(clock: Pick<Clock, 'now' | 'schedule'>, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  write({ message, reason, fields }: ChangeLine): void {
    const now = this.#clock.now();
    if (now >= this.#periodEnd) {
      this.#close();
      this.#periodEnd = now + periodMs;
    }
    this.#lines += 1;
    if (this.#lines <= mostLines) {
      this.#logger.info(message, { reason, ...fields });
      return;
    }
    this.#logger.debug(message, { reason, ...fields });
    this.#counted.set(reason, (this.#counted.get(reason) ?? 0) + 1);
    this.#timer ??= this.#clock.schedule(this.#periodEnd - now, () => this.#close());
  }

  /** Writes what has been counted. */
  [Symbol.dispose](): void {
    this.#close();
  }

  #close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#lines = 0;
    this.#periodEnd = Number.NEGATIVE_INFINITY;
    if (this.#counted.size === 0) return;
    const byReason = Object.fromEntries([...this.#counted].sort());
    const count = [...this.#counted.values()].reduce((sum, each) => sum + each, 0);
    this.#counted.clear();
    const kinds = Object.entries(byReason).map(([reason, each]) => `${each} ${reason}`);
    this.#logger.info(`${counted(count, 'more change')} within a second: ${kinds.join(', ')}`, {
      reason: 'ManyChanges',
      count,
      byReason,
    });
  }
}
