import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { request } from 'undici';
import { eventually } from '../support/eventually.ts';
import { root } from '../support/real/helm.ts';
import { imageEnv, nodeFlags } from '../support/real/image.ts';
import { freePorts } from '../support/real/ports.ts';
import { ServerProcess } from '../support/real/process.ts';
import { agent } from './json-request.ts';
import type { Stall } from './stalls.ts';

export interface OperatorProcessOptions {
  /** A file. */
  readonly kubeconfig: string;
  /** Origins of servers of Consul, in the order in which they are tried. */
  readonly consul: readonly string[];
  /** A directory for its files. */
  readonly dir: string;
  /** Settings beside the defaults. */
  readonly env?: Readonly<Record<string, string>>;
}

/** monitorEventLoopDelay() counts its own interval in, milliseconds (prom-client's default). */
const lagResolutionMs = 10;

/**
 * The operator as `npm run bundle` put it into dist/image, run as the image runs it, with its default configuration.
 * `OPERATOR_NODE_OPTIONS` are further options of Node for it alone, such as `--cpu-prof --cpu-prof-dir=profiles`.
 */
export class OperatorProcess {
  readonly #process: ServerProcess;
  readonly #origin: string;
  readonly #stallsFile: string;
  #longestStallMs = 0;

  private constructor(server: ServerProcess, origin: string, stallsFile: string) {
    this.#process = server;
    this.#origin = origin;
    this.#stallsFile = stallsFile;
  }

  static async start(options: OperatorProcessOptions): Promise<OperatorProcess> {
    const { kubeconfig, consul, dir, env = {} } = options;
    const [port = 0] = await freePorts(1);
    const listen = `127.0.0.1:${port}`;
    const nodeOptions = (process.env['OPERATOR_NODE_OPTIONS'] ?? '').split(' ').filter(Boolean);
    const stallsFile = path.join(dir, `stalls-${port}.json`);
    if (process.env['STALLS'] !== undefined)
      nodeOptions.push(`--import=${path.join(import.meta.dirname, 'stalls.ts')}`);
    const servers = consul.flatMap((origin) => ['--consul-address', origin]);
    const flags = ['--kubeconfig', kubeconfig, ...servers, '--listen', listen];
    const server = await ServerProcess.start({
      name: 'operator',
      command: process.execPath,
      args: [...nodeFlags, ...nodeOptions, path.join(root, 'dist/image/main.js'), 'run', ...flags],
      env: { ...imageEnv, STALLS_FILE: stallsFile, ...env },
      logFile: path.join(dir, 'operator.log'),
    });
    return new OperatorProcess(server, `http://${listen}`, stallsFile);
  }

  /** Its gauges and counters by name and labels; rejects while it does not listen yet. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const response = await request(`${this.#origin}/metrics`, { dispatcher: agent });
    const lines = (await response.body.text()).split('\n');
    const values = new Map(
      lines
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    );
    const lagMs = (values.get('nodejs_eventloop_lag_max_seconds') ?? 0) * 1_000;
    this.#longestStallMs = Math.max(this.#longestStallMs, lagMs - lagResolutionMs);
    return values;
  }

  /** Resolves when it is ready; a standby is when it is as warm as the leader. */
  async ready(): Promise<void> {
    const isReady = async () => {
      const response = await request(`${this.#origin}/readyz`, { dispatcher: agent });
      await response.body.dump();
      return response.statusCode === 200;
    };
    await eventually(isReady, { timeoutMs: 240_000, what: 'the operator is ready' });
  }

  /** Of what metrics() has shown: each shows the longest since the one before. */
  get longestStallMs(): number {
    return this.#longestStallMs;
  }

  /** Memory in MB, now and at its peak. */
  memory(): { readonly rss: number; readonly peak: number } {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
    const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024;
    return { rss: of('VmRSS'), peak: of('VmHWM') };
  }

  cpuSeconds(): number {
    return cpuSeconds(this.#process.pid);
  }

  /** SIGTERM. */
  stop(): Promise<void> {
    return this.#process.stop();
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  /** Those that took most of a processor first; known when it has stopped, and was started with `STALLS`. */
  stalls(): readonly Stall[] {
    return existsSync(this.#stallsFile)
      ? (JSON.parse(readFileSync(this.#stallsFile, 'utf8')) as Stall[])
      : [];
  }
}

/** Processor time a process has used, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // In ticks of 10 ms on every Linux there is.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
