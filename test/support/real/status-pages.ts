/** The status server with whatever an operator might know: what it shows is set by the test. */
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/logging/logger.ts';
import { type StatusServer, startStatusServer } from '../../../src/server/http-server.ts';
import type { Reading } from '../../../src/server/reading.ts';

export class StatusPages implements AsyncDisposable {
  reading: Reading;
  #server: StatusServer | undefined;

  static async start(reading: Reading): Promise<StatusPages> {
    const pages = new StatusPages(reading);
    await pages.#listen('127.0.0.1:0');
    return pages;
  }

  private constructor(reading: Reading) {
    this.reading = reading;
  }

  /** `http://127.0.0.1:40123` */
  get origin(): string {
    if (this.#server === undefined) throw new Error('the status server was never started');
    return this.#server.origin;
  }

  /** Changes some of what is shown. */
  show(changed: Partial<Reading>): void {
    this.reading = { ...this.reading, ...changed };
  }

  /** As when the operator ends. */
  async stop(): Promise<void> {
    await this.#server?.close();
  }

  /** At the same address as before. */
  async startAgain(): Promise<void> {
    await this.#listen(new URL(this.origin).host);
  }

  async #listen(listen: string): Promise<void> {
    this.#server = await startStatusServer({
      listen,
      source: {
        unhealthy: () => undefined,
        degraded: () => [],
        notReady: () => [],
        reading: () => this.reading,
      },
      metrics: { contentType: 'text/plain', text: async () => '' },
      logger: silentLogger,
      clock: systemClock,
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
