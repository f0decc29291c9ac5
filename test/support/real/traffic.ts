/** Requests through HAProxy, which finds the instances of a service by DNS, from a moment on until another. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { eventually } from '../eventually.ts';
import { guideFile } from '../guide.ts';
import type { Consul } from './consul.ts';
import { startConsumer } from './consumer.ts';
import type { PodNetwork } from './pod-network.ts';
import { freePorts } from './ports.ts';

export interface TrafficOptions {
  readonly consul: Consul;
  /** Where HAProxy reaches the pods. */
  readonly network: PodNetwork;
  readonly service: string;
}

/** Resolves when HAProxy, with the configuration of the guide, has answered. */
export async function startTraffic({ consul, network, service }: TrafficOptions): Promise<Traffic> {
  await using started = new AsyncDisposableStack();
  const [port = 0] = await freePorts(1);
  started.use(
    await startConsumer({
      program: 'haproxy',
      config: () =>
        guideFile('consume.md', 'haproxy.cfg', {
          '127.0.0.1:8600': `127.0.0.1:${consul.dnsPort}`,
          '127.0.0.1:8080': `127.0.0.1:${port}`,
          '_web._tcp': `_${service}._tcp`,
          'init-addr none check': `init-addr none check check-via-socks4 socks4 127.0.0.1:${network.port}`,
        }),
      args: (config) => ['-db', '-f', config],
      ready: () => reachable(port),
    }),
  );
  await eventually(async () => assert.ok((await fetch(`http://127.0.0.1:${port}/`)).ok), {
    timeoutMs: 60_000,
    what: 'HAProxy answers',
  });
  return new Traffic(port, started.move());
}

/** Sends requests one after the other until it ends. */
export class Traffic implements AsyncDisposable {
  answered = 0;
  readonly failures: string[] = [];
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;
  readonly #started: AsyncDisposableStack;

  /** Use `startTraffic`. */
  constructor(port: number, started: AsyncDisposableStack) {
    this.#started = started;
    this.#running = this.#send(port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#running;
    await this.#started.disposeAsync();
  }

  async #send(port: number): Promise<void> {
    while (!this.#ended.signal.aborted) {
      try {
        const response = await fetch(`http://127.0.0.1:${port}/`, {
          headers: { connection: 'close' },
          signal: AbortSignal.timeout(10_000),
        });
        await response.text();
        if (response.ok) this.answered += 1;
        else this.failures.push(`${response.status}`);
      } catch (error) {
        this.failures.push(String(error));
      }
    }
  }
}

const reachable = (port: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
