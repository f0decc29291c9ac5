import { entryKey } from '../model/entry-ref.ts';
import type { Drift } from '../plan/finding.ts';

/** What somebody else did to one entry, lately. */
export interface DriftLine {
  /** The latest of them. */
  readonly drift: Drift;
  /** How often, as far as it is remembered. */
  readonly times: number;
  /** Wall-clock milliseconds. */
  readonly first: number;
  readonly last: number;
}

/** Entries that are remembered. */
const most = 100;

/** What others did to our entries in Consul, one line an entry; the oldest are forgotten first. */
export class RecentDrift {
  readonly #wall: () => number;
  readonly #lines = new Map<string, DriftLine>();

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  add(drift: Drift): void {
    const key = `${drift.what}\0${entryKey(drift.at)}`;
    const before = this.#lines.get(key);
    const last = this.#wall();
    this.#lines.delete(key);
    this.#lines.set(key, { drift, times: (before?.times ?? 0) + 1, first: before?.first ?? last, last });
    if (this.#lines.size <= most) return;
    for (const oldest of this.#lines.keys()) {
      this.#lines.delete(oldest);
      return;
    }
  }

  /** The latest first. */
  lines(): readonly DriftLine[] {
    return [...this.#lines.values()].reverse();
  }
}
