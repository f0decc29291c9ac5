import { ServerProcess, type ServerProcessOptions } from './process.ts';

/** A server that can be stopped and started again with the same arguments, and so the same ports and data. */
export class Server implements AsyncDisposable {
  readonly options: ServerProcessOptions;
  #process: ServerProcess | undefined;

  constructor(options: ServerProcessOptions) {
    this.options = options;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  /** Throws when the server is not running. */
  get pid(): number {
    return this.#running().pid;
  }

  /** Resolves when the server is ready; at once when it runs. */
  async start(): Promise<void> {
    if (!this.running) this.#process = await ServerProcess.start(this.options);
  }

  /** SIGTERM, SIGKILL when it takes too long. Resolves when the server is gone. */
  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  /** SIGKILL. Resolves when the server is gone. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** SIGSTOP: connections stay open and nothing answers, as when a machine hangs. */
  pause(): void {
    this.#running().pause();
  }

  /** SIGCONT. */
  resume(): void {
    this.#running().resume();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #running(): ServerProcess {
    if (this.#process === undefined) throw new Error(`${this.options.name} has not been started`);
    return this.#process;
  }
}
