/**
 * A server as a child process that never outlives the test run.
 *
 * The child is a group leader, and a watcher in its group, a shell waiting on a socket whose other end only this
 * process holds, kills the group when that end closes: also when this process is killed with SIGKILL. Should the
 * watcher die first, the socket closes on this side and the server is killed from here.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../eventually.ts';

/**
 * Starts the watcher, then becomes the server, so that signals and the exit code are the server's own. A job of
 * a shell that is not interactive stays in the shell's process group, and a signal to 0 goes to all of it.
 */
const supervise = '(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3>&-';

export interface ServerProcessOptions {
  /** Used in error messages. */
  readonly name: string;
  /** Absolute path of the program. */
  readonly command: string;
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Standard output and error are appended here. */
  readonly logFile: string;
  /** Polled until it returns without throwing or returning false. Default: ready at once. */
  readonly ready?: () => unknown;
  /** Default 60,000 ms. */
  readonly readyTimeoutMs?: number;
  /** How long `stop` waits after SIGTERM before SIGKILL. Default 10,000 ms. */
  readonly stopTimeoutMs?: number;
  /** Abort kills the server. */
  readonly signal?: AbortSignal;
}

export class ServerProcess {
  readonly pid: number;
  readonly #options: ServerProcessOptions;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #ended: string | undefined;
  #exitCode: number | null = null;

  /** Resolves when the server is ready; when it exits before or is late, throws with the end of its log. */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    options.signal?.throwIfAborted();
    const server = new ServerProcess(options);
    try {
      await server.#untilReady();
      return server;
    } catch (error) {
      await server.kill();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${options.name} did not start: ${reason}\n${logTail(options.logFile)}`, {
        cause: error,
      });
    }
  }

  private constructor(options: ServerProcessOptions) {
    this.#options = options;
    const log = openSync(options.logFile, 'a');
    const child = spawn('/bin/sh', ['-c', supervise, options.name, options.command, ...options.args], {
      detached: true,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', log, log, 'pipe'],
    });
    closeSync(log);
    if (child.pid === undefined) throw new Error(`${options.name}: /bin/sh cannot be started`);
    this.pid = child.pid;
    this.#child = child;
    const abort = () => {
      if (this.running) this.#signalGroup('SIGKILL');
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#exitCode = code;
        this.#ended = signal ? `killed by ${signal}` : `exited with code ${code}`;
        options.signal?.removeEventListener('abort', abort);
        // The watcher is left in the group, which keeps the group's id from being given away.
        this.#signalGroup('SIGKILL');
        resolve();
      });
    });
    const lifeline = child.stdio[3] as Socket;
    lifeline.on('error', () => {});
    lifeline.on('close', abort);
    lifeline.resume();
    // A server that a test forgot must not keep the run from ending; it dies with it.
    child.unref();
    lifeline.unref();
  }

  get running(): boolean {
    return this.#ended === undefined;
  }

  /** Null while it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.#exitCode;
  }

  /** Resolves with the exit code when it has ended by itself, or was ended. */
  async ended(): Promise<number | null> {
    await this.#gone();
    return this.#exitCode;
  }

  /** SIGTERM, and SIGKILL when that does not end it in time. Resolves when the server is gone. */
  async stop(): Promise<void> {
    if (!this.running) return;
    this.resume();
    this.#signal('SIGTERM');
    const patience = new AbortController();
    await Promise.race([
      this.#gone(),
      delay(this.#options.stopTimeoutMs ?? 10_000, undefined, { signal: patience.signal }).catch(() => {}),
    ]);
    patience.abort();
    await this.kill();
  }

  /** SIGKILL. Resolves when the server is gone. */
  async kill(): Promise<void> {
    if (this.running) this.#signalGroup('SIGKILL');
    await this.#gone();
  }

  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  /** SIGUSR2: what it means is the process's own. */
  askForDump(): void {
    this.#signal('SIGUSR2');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #untilReady(): Promise<void> {
    const { ready, readyTimeoutMs = 60_000, signal } = this.#options;
    const gaveUp = new AbortController();
    const early = this.#gone().then(() => {
      throw new Error(this.#ended);
    });
    early.catch(() => {});
    const waits = signal ? AbortSignal.any([signal, gaveUp.signal]) : gaveUp.signal;
    const isReady = eventually(async () => (await ready?.()) !== false, {
      timeoutMs: readyTimeoutMs,
      what: 'ready probe',
      signal: waits,
    });
    try {
      await Promise.race([isReady, early]);
    } finally {
      gaveUp.abort();
      isReady.catch(() => {});
    }
  }

  async #gone(): Promise<void> {
    // While someone waits for the end, the event loop must not run dry.
    if (this.running) this.#child.ref();
    await this.#exited;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.running) process.kill(this.pid, signal);
  }

  /** Server and watcher. Not to be called once the server's end is known: the id may be someone else's by then. */
  #signalGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** The end of a server's log, for error messages. */
function logTail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
}
