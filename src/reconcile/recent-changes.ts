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

/** The latest changes that were written; the oldest are forgotten first. */
export class RecentChanges {
  readonly #wall: () => number;
  readonly #lines: ChangeLine[] = [];
  #next = 0;

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  add(change: Change, durationMs: number | undefined): void {
    this.#lines[this.#next] = {
      when: this.#wall(),
      text: changeText(change),
      at: entryOf(change),
      durationMs,
    };
    this.#next = (this.#next + 1) % most;
  }

  /** The latest first. */
  lines(): readonly ChangeLine[] {
    return [...this.#lines.slice(this.#next), ...this.#lines.slice(0, this.#next)].reverse();
  }
}
