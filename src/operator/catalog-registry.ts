import type { ConsulClient } from '../consul/client.ts';
import { comparePeriodically } from '../consul/comparison.ts';
import { catalogReader } from '../consul/node-reader.ts';
import { ObservedState } from '../consul/observed-state.ts';
import { ObservedWatcher } from '../consul/observed-watcher.ts';
import { Writer } from '../consul/writer.ts';
import { describe } from '../lib/errors.ts';
import type { Transport } from '../lib/transport.ts';
import type { ClusterUid } from '../model/keys.ts';
import { consulClientOf, type Surroundings } from './parts.ts';
import type { Registry, RegistryListener, WriterParts } from './registry.ts';

export interface CatalogRegistryOptions extends Surroundings {
  readonly owner: ClusterUid;
  /** To Consul, for queries that wait. Default: `consul`. */
  readonly consulWatch?: Transport;
}

/** Consul's catalog, with nodes of our own. */
export class CatalogRegistry implements Registry {
  readonly observed: ObservedState;
  readonly nodes = true;
  readonly #options: CatalogRegistryOptions;
  readonly #client: ConsulClient;

  constructor(options: CatalogRegistryOptions) {
    this.#options = options;
    this.#client = consulClientOf(options);
    this.observed = new ObservedState({ reader: catalogReader(this.#client), owner: options.owner });
  }

  async read(signal: AbortSignal): Promise<void> {
    await this.observed.readAll(signal);
  }

  /** Nodes of ours are in the catalog's own list. */
  follow(): void {}

  async watch({ onDrift, onAppeared, onCompared, onError }: RegistryListener, signal: AbortSignal) {
    const { observed } = this;
    const { consul, consulWatch = consul, clock, random, logger, config } = this.#options;
    const watcher = new ObservedWatcher({
      client: consulClientOf({ ...this.#options, consul: consulWatch }),
      observed,
      clock,
      random,
      onDrift,
      onAppeared,
      onInterrupted: (error) =>
        logger.warn('changes by others in Consul are found late: the watch fails, trying again', {
          reason: 'WatchInterrupted',
          code: error.code,
          error: describe(error),
        }),
      onResumed: () => logger.info('Consul is watched again', { reason: 'WatchResumed' }),
    });
    const comparing = comparePeriodically(
      {
        client: this.#client,
        observed,
        clock,
        random,
        intervalMs: config.sync.fullComparisonInterval,
        onCompared,
        onIndexReset: () => watcher.reset(),
        onError,
      },
      signal,
    );
    await Promise.all([watcher.run(signal), comparing]);
  }

  writer(parts: WriterParts): Writer {
    return new Writer({ client: this.#client, clock: this.#options.clock, ...parts });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
