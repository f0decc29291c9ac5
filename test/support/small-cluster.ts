import type { Connect } from '../../src/cli/connections.ts';
import { type ProgramOptions, runProgram } from '../../src/cli/program.ts';
import { configSchema } from '../../src/config/schema.ts';
import { RegistrarError } from '../../src/lib/errors.ts';
import type { Transport } from '../../src/lib/transport.ts';
import { type Metrics, noopMetrics } from '../../src/metrics/catalogue.ts';
import { Operator } from '../../src/operator.ts';
import type { ClientAgent } from '../../src/sandbox/consul/client-agent.ts';
import { ConsulServer } from '../../src/sandbox/consul/consul-server.ts';
import { KubeApi } from '../../src/sandbox/kube/kube-api.ts';
import { type LogLine, recorder } from './log-recorder.ts';
import { seeded } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface PodFields {
  readonly namespace?: string;
  readonly node?: string;
  readonly ip?: string;
  readonly ready?: boolean;
}

export interface SmallClusterOptions {
  /** What operators reach the servers through. Default: the servers' own transports. */
  readonly through?: (transport: Transport) => Transport;
}

export interface StartOptions {
  /** Name of the operator's pod. */
  readonly pod?: string;
  /** Default: counts nothing. */
  readonly metrics?: Metrics;
}

/** A running operator of a SmallCluster. */
export interface Running {
  readonly operator: Operator;
  readonly log: readonly LogLine[];
  /** SIGTERM. */
  stop(): Promise<void>;
}

/** An in-memory API server and Consul, operators and commands between them, in virtual time. */
export class SmallCluster {
  readonly clock = new VirtualClock();
  readonly kube = new KubeApi({ clock: this.clock, random: seeded(1) });
  readonly consul = new ConsulServer({ clock: this.clock, random: () => 0.5 });
  readonly #agents = new Map<string, ClientAgent>();
  readonly #through: (transport: Transport) => Transport;
  #ips = 0;
  #processes = 0;

  constructor({ through = (transport) => transport }: SmallClusterOptions = {}) {
    this.#through = through;
    this.addNode('n1', '10.0.0.1');
    this.addNode('n2', '10.0.0.2');
  }

  /** `config`: part of a configuration file. Replicas need names that differ. */
  start(config: object = {}, { pod, metrics = noopMetrics }: StartOptions = {}): Running {
    const log: LogLine[] = [];
    const abort = new AbortController();
    const operator = new Operator({
      config: configSchema.parse(config),
      clock: this.clock,
      random: () => 0.5,
      logger: recorder(log),
      metrics,
      version: 'test',
      ...(pod === undefined
        ? {}
        : { replica: { identity: `${pod}_${++this.#processes}`, namespace: 'default' } }),
      kube: this.#through(this.kube.transport()),
      consul: this.#through(this.consul.transport()),
      agents: (origin) => this.#agent(origin),
      token: () => undefined,
    });
    const done = operator.run(abort.signal);
    return {
      operator,
      log,
      stop: () => {
        abort.abort();
        return done;
      },
    };
  }

  /** Runs a command to its end, as far as that needs no more than `limitMs` of virtual time. */
  async run(argv: readonly string[], more: Partial<ProgramOptions> = {}, limitMs = 120_000) {
    let [stdout, stderr] = ['', ''];
    let exitCode: number | undefined;
    const { clock } = this;
    const connect: Connect = async () => ({
      clock,
      random: () => 0.5,
      kube: this.kube.transport(),
      consul: this.consul.transport(),
      agents: (origin) => this.#agent(origin),
      namespace: 'default',
      tried: [],
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
    void runProgram({
      argv,
      environment: {},
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      signal: new AbortController().signal,
      operator: () => Promise.reject(new Error('not here')),
      connect,
      ...more,
    }).then((code) => {
      exitCode = code;
    });
    const end = clock.now() + limitMs;
    // Modules of a command are loaded in real time, which must not eat up the virtual one.
    for (let turn = 0; turn < 200 && exitCode === undefined; turn++) await clock.settle();
    while (exitCode === undefined && clock.now() < end) await clock.advance(10);
    return { exitCode, stdout, stderr };
  }

  /** A Consul agent on a host, as the operator reaches it under the host's address. */
  addAgent(name: string, address: string): ClientAgent {
    const agent = this.consul.addAgent(name, address);
    this.#agents.set(`http://${address}:8500`, agent);
    return agent;
  }

  addNode(name: string, address: string, ready: 'True' | 'False' | 'Unknown' = 'True'): void {
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      status: {
        addresses: [{ type: 'InternalIP', address }],
        conditions: [{ type: 'Ready', status: ready, reason: 'KubeletReady', message: 'ready' }],
      },
    });
  }

  /** A pod with the port http 8080; the same name again changes it. */
  putPod(name: string, annotations: Readonly<Record<string, string>>, fields: PodFields = {}): void {
    const { namespace = 'default', node = 'n1', ready = true } = fields;
    const known = this.kube.store.get('pods', namespace, name) as PodObject | undefined;
    const hostIP = hosts[node] ?? '10.0.0.1';
    const ip = fields.ip ?? known?.status?.podIP ?? `10.1.0.${++this.#ips}`;
    this.kube.addNamespace(namespace);
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace,
        annotations: Object.fromEntries(
          Object.entries(annotations).map(([key, value]) => [`kube-registrar.io/${key}`, value]),
        ),
      },
      spec: {
        nodeName: node,
        containers: [{ name: 'main', image: 'x', ports: [{ name: 'http', containerPort: 8080 }] }],
      },
      status: {
        phase: 'Running',
        podIP: ip,
        podIPs: [{ ip }],
        hostIP,
        hostIPs: [{ ip: hostIP }],
        conditions: ['Ready', 'ContainersReady'].map((type) => ({
          type,
          status: ready ? 'True' : 'False',
          ...(ready ? {} : { reason: 'ContainersNotReady', message: 'probe failed' }),
        })),
      },
    });
  }

  /** Nobody answers where no agent is. */
  #agent(origin: string): Transport {
    return (
      this.#agents.get(origin)?.transport() ?? {
        request: () => Promise.reject(new RegistrarError('unreachable', 'connection refused')),
        close: () => Promise.resolve(),
      }
    );
  }

  /** What consumers get of a service: its passing instances as `node/address`. */
  passing(service: string): string[] {
    const { outsider } = this.consul;
    return outsider
      .nodes()
      .flatMap(({ Node }) => {
        const checks = outsider.checks(Node);
        return outsider
          .services(Node)
          .filter(({ Service }) => Service === service)
          .filter(({ ID }) =>
            checks.every(
              ({ ServiceID, Status }) => (ServiceID !== '' && ServiceID !== ID) || Status === 'passing',
            ),
          )
          .map(({ Address }) => `${Node}/${Address}`);
      })
      .sort();
  }
}

const hosts: Readonly<Record<string, string>> = { n1: '10.0.0.1', n2: '10.0.0.2' };

interface PodObject {
  readonly status?: { readonly podIP?: string };
}
