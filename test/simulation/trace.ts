/** What happened in a run, the last lines of it. */
export class Trace {
  readonly lines: string[] = [];
  readonly #now: () => number;
  readonly #most: number;

  constructor(now: () => number, most = 2_000) {
    this.#now = now;
    this.#most = most;
  }

  add(text: string): void {
    this.lines.push(`${(this.#now() / 1_000).toFixed(3).padStart(9)} s  ${text}`);
    if (this.lines.length > this.#most) this.lines.shift();
  }
}
