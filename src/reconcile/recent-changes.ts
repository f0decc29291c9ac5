import type { EntryRef } from '../model/entry-ref.ts';
import { type Change, entryOf } from '../plan/change.ts';
import { changeText } from './reporter.ts';

/** A change that Consul took. */
export interface ChangeLine {
  /** Wall-clock milliseconds. */
  readonly when: number;
  /** As in the log: `pod shop/web-1 (web) is passing`. */
  readonly text: string;
  readonly at: EntryRef;
  /** From the receipt of the event to the commit; undefined when none asked. */
  readonly durationMs: number | undefined;
}

/** Changes that are remembered. */
const most = 200;

interface Written {
  readonly when: number;
  readonly change: Change;
  readonly durationMs: number | undefined;
}

/** The latest changes that were written; the oldest are forgotten first. They are put into words when they are read. */
export class RecentChanges {
  readonly #wall: () => number;
  readonly #written: Written[] = [];
  #next = 0;

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  add(change: Change, durationMs: number | undefined): void {
    this.#written[this.#next] = { when: this.#wall(), change, durationMs };
    this.#next = (this.#next + 1) % most;
  }

  /** The latest first. */
  lines(): readonly ChangeLine[] {
    const written = [...this.#written.slice(this.#next), ...this.#written.slice(0, this.#next)];
    return written.reverse().map(({ when, change, durationMs }) => ({
      when,
      text: changeText(change),
      at: entryOf(change),
      durationMs,
    }));
  }
}
