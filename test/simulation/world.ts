import { configSchema } from '../../src/config/schema.ts';
import type { LogFields, Logger } from '../../src/lib/logger.ts';
import { noopMetrics } from '../../src/metrics/catalogue.ts';
import { Operator } from '../../src/operator.ts';
import { ConsulServer } from '../../src/sandbox/consul/consul-server.ts';
import { KubeApi } from '../../src/sandbox/kube/kube-api.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

export interface WorldOptions {
  readonly seed?: number;
  /** Part of a configuration file. */
  readonly config?: object;
}

/** The whole operator in virtual time between an in-memory API server and an in-memory Consul. */
export class World {
  readonly clock = new VirtualClock();
  readonly random: () => number;
  readonly kube: KubeApi;
  readonly consul: ConsulServer;
  readonly log: LogLine[] = [];
  readonly #config: object;
  #operator:
    | { readonly operator: Operator; readonly abort: AbortController; readonly done: Promise<void> }
    | undefined;

  constructor({ seed = 1, config = {} }: WorldOptions = {}) {
    this.random = seeded(seed);
    this.#config = config;
    this.kube = new KubeApi({ clock: this.clock, random: this.random });
    this.consul = new ConsulServer({ clock: this.clock, random: this.random });
  }

  /** Starts a fresh operator process. */
  start(): Operator {
    const abort = new AbortController();
    const operator = new Operator({
      config: configSchema.parse(this.#config),
      clock: this.clock,
      random: this.random,
      logger: recorder(this.log),
      metrics: noopMetrics,
      version: 'simulated',
      kube: this.kube.transport(),
      consul: this.consul.transport(),
      token: () => undefined,
    });
    this.#operator = { operator, abort, done: operator.run(abort.signal) };
    return operator;
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    this.#operator?.abort.abort();
    await this.#operator?.done;
    this.#operator = undefined;
  }

  addNode(name: string, address: string): void {
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      status: {
        addresses: [{ type: 'InternalIP', address }],
        conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }],
      },
    });
  }

  addPod(name: string, node: string, ip: string, annotations: Record<string, string>, ready = true): void {
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'default',
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
        hostIP: '10.0.0.1',
        conditions: [
          {
            type: 'Ready',
            status: ready ? 'True' : 'False',
            ...(ready ? {} : { reason: 'ContainersNotReady', message: 'probe failed' }),
          },
          { type: 'ContainersReady', status: ready ? 'True' : 'False' },
        ],
      },
    });
  }
}

function recorder(lines: LogLine[], base: LogFields = {}): Logger {
  const at =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields: { ...base, ...fields } });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recorder(lines, { ...base, ...fields }),
  };
}

/** Mulberry32: small, fast and good enough to draw faults from. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
