/**
 * The operator as it is run: a process of its own with a configuration file, the kubeconfig of a ServiceAccount
 * and no rights but those of manifests/base.
 */
import { readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { Status } from '../../../src/server/status.ts';
import { type EventuallyOptions, eventually } from '../eventually.ts';
import { dataDir } from './data-dir.ts';
import { HttpError } from './http.ts';
import type { Kube } from './kube.ts';
import { freePorts } from './ports.ts';
import { ServerProcess } from './process.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const program = join(root, 'src/main.ts');

export interface OperatorOptions {
  /** The configuration, as in its file; `server.listen` is set here. Text is written as it is. */
  readonly config: Readonly<Record<string, unknown>> | string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A line of the operator's log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly time: string;
  readonly msg: string;
  readonly reason?: string;
  readonly [field: string]: unknown;
}

/** Starts the operator; resolves when it answers /healthz, which does not mean that it is ready. */
export async function startOperator(options: OperatorOptions): Promise<OperatorProcess> {
  const operator = new OperatorProcess(await dataDir('operator'), await freePorts(1), options);
  try {
    await operator.start();
    return operator;
  } catch (error) {
    await operator[Symbol.asyncDispose]();
    throw error;
  }
}

/** Runs an operator that is to give up by itself; resolves with its exit code and all it printed. */
export async function runToEnd(options: OperatorOptions): Promise<{ code: number | null; output: string }> {
  await using operator = new OperatorProcess(await dataDir('operator'), await freePorts(1), options);
  return { code: await operator.run(), output: operator.output() };
}

/** One operator; `start` after `stop` or `kill` is a new process with the same configuration and log. */
export class OperatorProcess implements AsyncDisposable {
  /** Origin of its HTTP server. */
  readonly url: string;
  readonly #dir: string;
  readonly #listen: string;
  #options: OperatorOptions;
  #process: ServerProcess | undefined;

  /** Use `startOperator`. */
  constructor(dir: string, [port]: readonly number[], options: OperatorOptions) {
    this.#dir = dir;
    this.#listen = `127.0.0.1:${port}`;
    this.url = `http://${this.#listen}`;
    this.#options = options;
  }

  get configFile(): string {
    return join(this.#dir, 'config.yaml');
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  async start(): Promise<void> {
    await this.#writeConfig();
    this.#process = await ServerProcess.start({
      ...this.#processOptions(),
      ready: async () => (await fetch(`${this.url}/healthz`)).ok,
    });
  }

  /** Its next start has these sections in place of what they were. */
  reconfigure(sections: Readonly<Record<string, unknown>>): void {
    const { config } = this.#options;
    if (typeof config === 'string') throw new Error('the configuration is text');
    this.#options = { ...this.#options, config: { ...config, ...sections } };
  }

  /** Starts it and waits until it ends by itself. */
  async run(): Promise<number | null> {
    await this.#writeConfig();
    this.#process = await ServerProcess.start(this.#processOptions());
    const process = this.#process;
    await eventually(() => !process.running, { timeoutMs: 180_000, what: 'the operator gives up' });
    return process.exitCode;
  }

  /** SIGTERM. The exit code; null when a signal had to end it. */
  async stop(): Promise<number | null> {
    await this.#process?.stop();
    return this.#process?.exitCode ?? null;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** SIGSTOP: the process hangs, its connections stay open. */
  pause(): void {
    this.#process?.pause();
  }

  /** SIGCONT. */
  resume(): void {
    this.#process?.resume();
  }

  /** Most memory it has had since its start (`VmHWM`), in bytes. */
  async peakBytes(): Promise<number> {
    const text = await readFile(`/proc/${this.#process?.pid}/status`, 'utf8');
    return 1024 * Number(/^VmHWM:\s*(\d+) kB$/m.exec(text)?.[1]);
  }

  /** SIGUSR2; what it then writes down of itself. */
  async dump(): Promise<LogLine> {
    const before = this.logs('DebugDump').length;
    this.#process?.askForDump();
    return eventually(() => this.logs('DebugDump')[before] ?? fail('no dump yet'), { what: 'a debug dump' });
  }

  /** All it has printed, over all starts. */
  output(): string {
    try {
      return readFileSync(this.#logFile, 'utf8');
    } catch {
      return '';
    }
  }

  /** Lines of the log, over all starts; `reason` selects. What is no JSON line is left out. */
  logs(reason?: string): LogLine[] {
    const lines = this.output()
      .split('\n')
      .flatMap((line): LogLine[] => {
        try {
          return line.startsWith('{') ? [JSON.parse(line)] : [];
        } catch {
          return []; // The last line, half written.
        }
      });
    return reason === undefined ? lines : lines.filter((line) => line.reason === reason);
  }

  /** Waits for /readyz. */
  async ready(options: EventuallyOptions = {}): Promise<void> {
    await eventually(() => this.readyz().then(({ ok, text }) => ok || fail(text)), {
      timeoutMs: 180_000,
      what: 'the operator is ready',
      ...options,
    });
  }

  async readyz(): Promise<{ readonly ok: boolean; readonly text: string }> {
    const response = await fetch(`${this.url}/readyz`);
    return { ok: response.ok, text: await response.text() };
  }

  async status(): Promise<Status> {
    return (await fetch(`${this.url}/status.json`)).json() as Promise<Status>;
  }

  /** The value of a metric as /metrics writes it: `kube_registrar_queue_depth`, `…_total{verb="put-node"}`. */
  async metric(series: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
    if (line === undefined) throw new Error(`/metrics has no ${series}`);
    return Number(line.slice(series.length + 1));
  }

  /** Ends it for good and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }

  get #logFile(): string {
    return join(this.#dir, 'operator.log');
  }

  #processOptions() {
    return {
      name: 'kube-registrar',
      command: process.execPath,
      args: [program, 'run', '--config', this.configFile],
      env: { ...withoutSettings(process.env), ...this.#options.env },
      logFile: this.#logFile,
    };
  }

  async #writeConfig(): Promise<void> {
    const { config } = this.#options;
    const text =
      typeof config === 'string' ? config : JSON.stringify({ ...config, server: { listen: this.#listen } });
    await writeFile(this.configFile, text, { mode: 0o600 });
  }
}

/** What the developer has set for a Consul or a cluster of their own would win over the file: emptied. */
function withoutSettings(environment: NodeJS.ProcessEnv): Record<string, string> {
  const names = Object.keys(environment).filter((name) =>
    /^(KUBE_REGISTRAR_|CONSUL_|KUBECONFIG$)/.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, '']));
}

/**
 * Creates what manifests/base says about rights: namespace, ServiceAccount, role and binding. `components`: of
 * manifests/components, with their rights.
 */
export async function installRbac(kube: Kube, components: readonly string[] = []): Promise<void> {
  const more = components.map((name) => `../components/${name}/rbac.yaml`);
  for (const file of ['namespace.yaml', 'rbac.yaml', ...more]) {
    for (const object of await manifests(file)) {
      const path = object.kind === 'ServiceAccount' ? serviceAccountsPath : rightsPath(object);
      if (path === undefined) throw new Error(`${file}: where does a ${object.kind} go?`);
      await kube.api.post(path, object).catch((error: unknown) => {
        if (!(error instanceof HttpError && error.status === 409)) throw error;
      });
    }
  }
}

/** Who the operator is by manifests/base. */
export const operatorIdentity = { namespace: 'kube-registrar', serviceAccount: 'kube-registrar' } as const;

const rbacPath = '/apis/rbac.authorization.k8s.io/v1';
const serviceAccountsPath = `/api/v1/namespaces/${operatorIdentity.namespace}/serviceaccounts`;
function rightsPath({ kind, metadata }: Manifest): string | undefined {
  const inNamespace = `${rbacPath}/namespaces/${String(metadata['namespace'])}`;
  switch (kind) {
    case 'Namespace':
      return '/api/v1/namespaces';
    case 'ClusterRole':
      return `${rbacPath}/clusterroles`;
    case 'ClusterRoleBinding':
      return `${rbacPath}/clusterrolebindings`;
    case 'Role':
      return `${inNamespace}/roles`;
    case 'RoleBinding':
      return `${inNamespace}/rolebindings`;
    default:
      return undefined;
  }
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** The objects in a file of manifests/base. */
export async function manifests(file: string): Promise<Manifest[]> {
  const text = await readFile(join(root, 'manifests/base', file), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

function fail(why: string): never {
  throw new Error(why);
}
