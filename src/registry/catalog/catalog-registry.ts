import { ConsulClient } from '../../consul/client.ts';
import type { ConsulApiOptions } from '../../consul/consul-api.ts';
import { RefusalListener } from '../../consul/refusal-listener.ts';
import type { Clock } from '../../lib/clock.ts';
import { describe } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import type { Logger } from '../../logging/logger.ts';
import type { ClusterUid } from '../../model/keys.ts';
import { ObservedState } from '../observed-state.ts';
import type { Registry, RegistryListener, Wanted, WriteOptions } from '../registry.ts';
import { catalogReader } from './catalog-reader.ts';
import { comparePeriodically } from './comparison.ts';
import { ObservedWatcher } from './observed-watcher.ts';
import { WaitBudget, type WaitLimits } from './wait-budget.ts';
import { refusedWrites } from './write-access.ts';
import { Writer } from './writer.ts';

export interface CatalogRegistryOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Requests to the Consul server. */
  readonly consul: ConsulApiOptions;
  readonly owner: ClusterUid;
  /** Nodes that may have a blocking query of their own at the same time. */
  readonly nodeWaits: number;
  /** Between two comparisons of everything, in milliseconds. */
  readonly fullComparisonMs: number;
}

/** Consul's catalog, with one node for each Kubernetes node. */
export class CatalogRegistry implements Registry {
  readonly observed: ObservedState;
  readonly #options: CatalogRegistryOptions;
  readonly #client: ConsulClient;
  readonly #budget: WaitBudget;
  #watcher: ObservedWatcher | undefined;

  constructor(options: CatalogRegistryOptions) {
    this.#options = options;
    const { clock, logger, consul, owner, nodeWaits } = options;
    this.#budget = new WaitBudget({
      clock,
      nodes: nodeWaits,
      onReduced: (why, limits) =>
        logger.warn('fewer nodes are watched in Consul, or with shorter waits; the others are read instead', {
          reason: 'WaitsReduced',
          ...fieldsOf(limits),
          why,
        }),
      onRestored: (limits) =>
        logger.info('as many nodes are watched in Consul as may be again', {
          reason: 'WaitsRestored',
          ...fieldsOf(limits),
        }),
    });
    const onRefused = (askedAt: number) =>
      this.#budget.refused(tooMany, askedAt, this.#watcher?.watched ?? Number.POSITIVE_INFINITY);
    const transport = new RefusalListener({ transport: consul.transport, clock, onRefused });
    this.#client = new ConsulClient({ ...consul, transport });
    this.observed = new ObservedState({ reader: catalogReader(this.#client), owner });
  }

  async read(signal: AbortSignal): Promise<void> {
    await this.observed.readAll(signal);
  }

  /** The nodes are in the catalog's own list. */
  follow(): void {}

  async compare({ onCompared, onError }: RegistryListener, signal: AbortSignal): Promise<void> {
    const { clock, random, fullComparisonMs } = this.#options;
    await comparePeriodically(
      {
        client: this.#client,
        observed: this.observed,
        clock,
        random,
        intervalMs: fullComparisonMs,
        onCompared,
        onIndexReset: () => this.#watcher?.reset(),
        onError,
      },
      signal,
    );
  }

  async watch({ onDrift, onAppeared, onWake }: RegistryListener, signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#options;
    const watcher = new ObservedWatcher({
      client: this.#client,
      observed: this.observed,
      clock,
      random,
      budget: this.#budget,
      onDrift,
      onAppeared,
      onWake,
      onInterrupted: (error) =>
        logger.warn('cannot watch Consul, so external changes are found late; retrying', {
          reason: 'WatchInterrupted',
          code: error.code,
          error: describe(error),
        }),
      onResumed: () => logger.info('the watch on Consul works again', { reason: 'WatchResumed' }),
    });
    this.#watcher = watcher;
    try {
      await watcher.run(signal);
    } finally {
      this.#watcher = undefined;
    }
  }

  refusedWrites(wanted: Wanted, signal: AbortSignal): Promise<readonly string[]> {
    return refusedWrites(this.#client, wanted, signal);
  }

  writer(parts: WriteOptions): Writer {
    return new Writer({ client: this.#client, clock: this.#options.clock, ...parts });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const tooMany = 'Consul answered 429 Too Many Requests';

const fieldsOf = ({ nodes, lengthMs }: WaitLimits) => ({ nodes, seconds: Math.round(lengthMs / 1_000) });
