/** One line that is rewritten on a terminal; elsewhere a line now and then, so that a log shows life. */
export class Progress {
  packages = 0;
  readonly #title: string;
  readonly #started = Date.now();
  readonly #timer: NodeJS.Timeout;

  constructor(title: string) {
    this.#title = title;
    this.#show();
    this.#timer = setInterval(() => this.#show(), process.stdout.isTTY ? 1_000 : 15_000);
  }

  /** Time since the start, as 42s or 3m10s. */
  elapsed(): string {
    const seconds = Math.round((Date.now() - this.#started) / 1_000);
    return seconds < 60
      ? `${seconds}s`
      : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
  }

  end(outcome: string): void {
    clearInterval(this.#timer);
    this.#write(`${this.#title}: ${outcome}`, '\n');
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #show(): void {
    const compiled = this.packages > 0 ? `, ${this.packages} packages compiled` : '';
    this.#write(`${this.#title}: under way … ${this.elapsed()}${compiled}`, process.stdout.isTTY ? '' : '\n');
  }

  #write(line: string, end: string): void {
    process.stdout.write(process.stdout.isTTY ? `\r\x1b[2K${line}${end}` : `${line}${end}`);
  }
}
