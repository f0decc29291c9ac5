import { KubeClient } from '../kube/client.ts';
import { completeLines } from '../kube/reflector/lines.ts';
import { parseStatus, statusError } from '../kube/status-error.ts';
import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/deadline.ts';
import { RegistrarError } from '../lib/errors.ts';
import type { Transport } from '../lib/transport.ts';
import type { Lease } from './lease-record.ts';

export interface LeaseClientOptions {
  /** To the API server, credentials included. */
  readonly kube: Transport;
  readonly clock: Clock;
  readonly namespace: string;
  readonly name: string;
}

/** How long a watch of the lease stays open, in seconds. */
const watchSeconds = 300;
/** A Lease is a few hundred bytes, and more with its managed fields. */
const mostLineBytes = 1024 * 1024;

/** One Lease on the API server. Calls are aborted after `withinMs` and reject as KubeClient's do. */
export class LeaseClient {
  readonly #transport: Transport;
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #collection: string;
  readonly #name: string;

  constructor({ kube, clock, namespace, name }: LeaseClientOptions) {
    this.#transport = kube;
    this.#client = new KubeClient(kube, clock);
    this.#clock = clock;
    this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;
    this.#name = name;
  }

  /** Undefined when there is none. */
  async read(withinMs: number, signal: AbortSignal): Promise<Lease | undefined> {
    try {
      return await this.#within(withinMs, signal, (inTime) =>
        this.#client.get<Lease>(this.#path, { signal: inTime }),
      );
    } catch (thrown) {
      if (RegistrarError.from(thrown).code === 'not-found') return undefined;
      throw thrown;
    }
  }

  /** Rejects with `conflict` when another process has created it. */
  create(lease: Lease, withinMs: number, signal: AbortSignal): Promise<Lease> {
    return this.#within(withinMs, signal, (inTime) =>
      this.#client.create<Lease>(this.#collection, lease, { signal: inTime }),
    );
  }

  /** Rejects with `conflict` when the resourceVersion has changed. */
  update(lease: Lease, withinMs: number, signal: AbortSignal): Promise<Lease> {
    return this.#within(withinMs, signal, (inTime) =>
      this.#client.update<Lease>(this.#path, lease, { signal: inTime }),
    );
  }

  /** Calls `onChange` whenever the lease changes, until the server ends the watch; may reject. */
  async watch(onChange: () => void, signal: AbortSignal): Promise<void> {
    const selector = encodeURIComponent(`metadata.name=${this.#name}`);
    const { status, body } = await this.#transport.request({
      method: 'GET',
      path: `${this.#collection}?watch=true&fieldSelector=${selector}&timeoutSeconds=${watchSeconds}`,
      headers: { accept: 'application/json' },
      signal,
      bodyTimeoutMs: watchSeconds * 1_000,
    });
    for await (const lines of completeLines(body, mostLineBytes)) {
      if (status !== 200) throw statusError('watching the lease', status, parseStatus(lines.join()));
      onChange();
    }
    if (status !== 200) throw statusError('watching the lease', status, {});
  }

  get #path(): string {
    return `${this.#collection}/${encodeURIComponent(this.#name)}`;
  }

  #within<T>(ms: number, signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline(this.#clock, Math.max(0, ms), signal, call);
  }
}
