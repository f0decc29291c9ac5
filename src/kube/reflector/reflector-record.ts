import type { RegistrarError } from '../../lib/errors.ts';
import { Outage } from '../../lib/outage.ts';
import type { Logger } from '../../logging/logger.ts';
import type { ReflectorStatus } from './reflector-state.ts';
import type { RelistDiff } from './relist.ts';

type Counts = Pick<ReflectorStatus, 'lists' | 'relists' | 'drift' | 'events' | 'idleAborts' | 'badLines'>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What a reflector remembers of its past, and the log lines at its turning points. */
export class ReflectorRecord {
  readonly counts: Mutable<Counts> = {
    lists: 0,
    relists: 0,
    drift: { added: 0, changed: 0, removed: 0 },
    events: 0,
    idleAborts: 0,
    badLines: 0,
  };
  readonly #logger: Logger;
  /** `pods` */
  readonly #resource: string;
  #lastHeardAt: number | undefined;
  readonly #outage = new Outage();
  #lastError: ReflectorStatus['lastError'];

  constructor(logger: Logger, resource: string) {
    this.#logger = logger;
    this.#resource = resource;
  }

  get lastHeardAt(): number | undefined {
    return this.#lastHeardAt;
  }

  get lastError(): ReflectorStatus['lastError'] {
    return this.#lastError;
  }

  heard(at: number): void {
    this.#lastHeardAt = at;
  }

  /** A complete list. What it found is drift unless it is the first. */
  listed(found: RelistDiff, at: number): void {
    const { counts } = this;
    if (counts.lists > 0) {
      counts.relists += 1;
      counts.drift = {
        added: counts.drift.added + found.added,
        changed: counts.drift.changed + found.changed,
        removed: counts.drift.removed + found.removed,
      };
    }
    counts.lists += 1;
    const { added, changed, removed } = found;
    const again = `, ${added} added, ${changed} changed, ${removed} removed`;
    this.#logger.info(`all ${this.#resource} listed${counts.relists === 0 ? '' : ` again${again}`}`, {
      reason: 'Listed',
      relists: counts.relists,
      ...found,
    });
    this.heard(at);
    this.recovered();
  }

  /** Logged once for a row of failures of one kind: an outage is one event, not one every 30 s. */
  failed(error: RegistrarError, at: number, waitMs: number, isOptional = false): void {
    if (isOptional && error.code === 'not-found') {
      if (this.#outage.failed(error, at)) {
        this.#logger.info(`${this.#resource} are not installed; looking for them again`, {
          reason: 'NotInstalled',
          error: error.message,
          waitMs: Math.round(waitMs),
        });
      }
      this.#lastError = { error, at, since: this.#outage.since ?? at };
      return;
    }
    const isRefused = error.code === 'forbidden' || error.code === 'not-found';
    const fields = {
      reason: 'ReflectorFailed' as const,
      code: error.code,
      error: error.message,
      waitMs: Math.round(waitMs),
      ...(isRefused ? { hint: 'grant list and watch, or do not use it; existing registrations stay' } : {}),
    };
    const message = `cannot list or watch ${this.#resource}; retrying`;
    if (this.#outage.failed(error, at)) this.#logger.warn(message, fields);
    else this.#logger.debug(message, fields);
    this.#lastError = { error, at, since: this.#outage.since ?? at };
  }

  recovered(): void {
    if (!this.#outage.over()) return;
    this.#logger.info(`${this.#resource} can be listed and watched again`, { reason: 'ReflectorRecovered' });
    this.#lastError = undefined;
  }
}
