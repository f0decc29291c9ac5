import type { ConsulApi } from '../../consul/consul-api.ts';
import type { Clock } from '../../lib/clock.ts';
import { type ServiceView, serviceView } from './service-view.ts';

export interface ConsumerOptions {
  readonly service: string;
  /** A connection of its own, so that it sees changes when every other client of Consul sees them. */
  readonly consul: ConsulApi;
  readonly clock: Clock;
  /** Instances of other clusters are ignored. */
  readonly owner: string;
  /** Called with every new answer, before the next query. */
  readonly onView: (before: ServiceView, consumer: Consumer) => void;
}

const waitMs = 30_000;
const retryMs = 200;

/**
 * A client of one service, outside the cluster: it holds a blocking health query open and asks again as
 * soon as it is answered. What the demo shows and measures is what this client received.
 */
export class Consumer {
  readonly service: string;
  readonly #options: ConsumerOptions;
  #view: ServiceView = [];
  #index = 0;
  #viewedAt: number;

  constructor(options: ConsumerOptions) {
    this.service = options.service;
    this.#options = options;
    this.#viewedAt = options.clock.now();
  }

  get view(): ServiceView {
    return this.#view;
  }

  /** `X-Consul-Index` of the view. */
  get index(): number {
    return this.#index;
  }

  /** When the view was received, `clock.now()`. */
  get viewedAt(): number {
    return this.#viewedAt;
  }

  /** Follows the service until the signal aborts. Never rejects: it retries while Consul does not answer. */
  async follow(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#ask(signal);
      } catch {
        // The view stays. A step that waits for another one fails at its deadline.
        await clock.sleep(retryMs, signal).catch(() => {});
      }
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { service, consul, clock, owner, onView } = this.#options;
    const isFirst = this.#index === 0;
    const blocking = isFirst ? {} : { index: this.#index, wait: `${waitMs}ms` };
    const { headers, body } = await consul.call(
      ({ health }, context) => health.service({ ...context, service, ...blocking }),
      signal,
      isFirst ? {} : { waitMs },
    );
    const view = serviceView(body, owner);
    const index = Number(headers['x-consul-index'] ?? 0);
    const before = this.#view;
    this.#viewedAt = clock.now();
    this.#view = view;
    // An index that went back means another server's history: it is read from the start.
    this.#index = index < this.#index ? 0 : Math.max(1, index);
    onView(before, this);
  }
}
