import { connectionBudget, sharedWaits } from '../config/connection-budget.ts';
import type { ConsulClient } from '../consul/client.ts';
import { RefusalListener } from '../consul/refusal-listener.ts';
import { describe } from '../lib/errors.ts';
import type { ClusterUid } from '../model/keys.ts';
import { comparePeriodically } from '../registry/catalog/comparison.ts';
import { ObservedWatcher } from '../registry/catalog/observed-watcher.ts';
import { WaitBudget, type WaitLimits } from '../registry/catalog/wait-budget.ts';
import { Writer } from '../registry/catalog/writer.ts';
import { catalogReader } from '../registry/node-reader.ts';
import { ObservedState } from '../registry/observed-state.ts';
import type { Registry, RegistryListener, WriterParts } from '../registry/registry.ts';
import { consulClientOf, type Surroundings } from './parts.ts';

export interface CatalogRegistryOptions extends Surroundings {
  readonly owner: ClusterUid;
}

/** Consul's catalog, with nodes of our own. */
export class CatalogRegistry implements Registry {
  readonly observed: ObservedState;
  readonly nodes = true;
  readonly #options: CatalogRegistryOptions;
  readonly #client: ConsulClient;
  readonly #budget: WaitBudget;
  #watcher: ObservedWatcher | undefined;

  constructor(options: CatalogRegistryOptions) {
    this.#options = options;
    const { config, clock, logger, consul, owner } = options;
    const { connections, acl } = config.consul;
    this.#budget = new WaitBudget({
      clock,
      nodes: connectionBudget(connections, acl.authMethod !== undefined).waits - sharedWaits,
      onReduced: (why, limits) =>
        logger.warn('fewer or shorter waits at Consul; what they do not cover is read instead', {
          reason: 'WaitsReduced',
          ...fieldsOf(limits),
          why,
        }),
      onRestored: (limits) =>
        logger.info('waits at Consul are as many and as long as they may be again', {
          reason: 'WaitsRestored',
          ...fieldsOf(limits),
        }),
    });
    const onRefused = (askedAt: number) =>
      this.#budget.refused(tooMany, askedAt, this.#watcher?.watched ?? Number.POSITIVE_INFINITY);
    const listened = new RefusalListener({ transport: consul, clock, onRefused });
    this.#client = consulClientOf({ ...options, consul: listened });
    this.observed = new ObservedState({ reader: catalogReader(this.#client), owner });
  }

  async read(signal: AbortSignal): Promise<void> {
    await this.observed.readAll(signal);
  }

  /** Nodes of ours are in the catalog's own list. */
  follow(): void {}

  async compare({ onCompared, onError }: RegistryListener, signal: AbortSignal): Promise<void> {
    const { clock, random, config } = this.#options;
    await comparePeriodically(
      {
        client: this.#client,
        observed: this.observed,
        clock,
        random,
        intervalMs: config.sync.fullComparisonInterval,
        onCompared,
        onIndexReset: () => this.#watcher?.reset(),
        onError,
      },
      signal,
    );
  }

  async watch({ onDrift, onAppeared }: RegistryListener, signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#options;
    const watcher = new ObservedWatcher({
      client: this.#client,
      observed: this.observed,
      clock,
      random,
      budget: this.#budget,
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
    this.#watcher = watcher;
    try {
      await watcher.run(signal);
    } finally {
      this.#watcher = undefined;
    }
  }

  writer(parts: WriterParts): Writer {
    return new Writer({ client: this.#client, clock: this.#options.clock, ...parts });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const tooMany = 'Consul answered 429 Too Many Requests';

const fieldsOf = ({ nodes, lengthMs }: WaitLimits) => ({ nodes, seconds: Math.round(lengthMs / 1_000) });
