import { type Clock, systemClock } from '../lib/clock.ts';
import type { InstanceFilter, Naming, ServiceSubscription } from './contract.ts';
import { diffInstances, type InstanceDiff, isEmptyDiff } from './diff.ts';
import type { ServiceInstance } from './instance.ts';
import { callIsolated, isolatedReport } from './isolated-call.ts';
import { type Report, warn } from './naming-error.ts';
import { type AdultTimes, adultTimes, membersOf, nextAdultTime, type PoolMember } from './pool-members.ts';

export interface PoolOptions extends InstanceFilter {
  /** How long a later instance is young, in milliseconds. Default 10,000. */
  readonly youngMs?: number;
  /**
   * Gets all members and the difference after every change; becoming adult is one. It is not called for the initial
   * members. An error that it throws is reported.
   */
  readonly onChange?: (
    members: readonly PoolMember[],
    diff: InstanceDiff<PoolMember>,
  ) => void | Promise<void>;
  /** Limits the wait for the initial members; when it fires later, it ends the pool. */
  readonly signal?: AbortSignal;
  /** Gets the errors of `onChange`. Default: a process warning. */
  readonly report?: Report;
  readonly clock?: Clock;
}

/**
 * The instances of one service, kept current for a consumer that holds a long connection to each. The initial ones
 * are adult; later ones are young until `youngMs` have passed. Meta `service_state` (`young` or `adult`) overrides
 * both. A pool uses the Naming's only subscription to that service.
 */
export class Pool implements AsyncDisposable {
  readonly #options: PoolOptions;
  readonly #clock: Clock;
  readonly #report: Report;
  #instances: readonly ServiceInstance[] = [];
  #adultTimes: AdultTimes = new Map();
  #members: readonly PoolMember[] = [];
  #subscription: ServiceSubscription | undefined;
  #timer: Disposable | undefined;
  #started = false;
  readonly #ended = new AbortController();

  private constructor(options: PoolOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#report = isolatedReport(options.report ?? warn);
  }

  /** Resolves when the initial members are known. Rejects as `Naming.subscribe()` does. */
  static async open(naming: Naming, service: string, options: PoolOptions = {}): Promise<Pool> {
    const pool = new Pool(options);
    const { tags, states, signal } = options;
    pool.#subscription = await naming.subscribe(service, (instances) => pool.#take(instances), {
      initial: true,
      ...(tags === undefined ? {} : { tags }),
      ...(states === undefined ? {} : { states }),
      ...(signal === undefined ? {} : { signal }),
    });
    signal?.addEventListener('abort', () => void pool[Symbol.asyncDispose](), { signal: pool.#ended.signal });
    return pool;
  }

  /** All members, in a stable order; a new frozen list after every change. */
  get members(): readonly PoolMember[] {
    return this.#members;
  }

  get adults(): readonly PoolMember[] {
    return this.#members.filter(({ age }) => age === 'adult');
  }

  get young(): readonly PoolMember[] {
    return this.#members.filter(({ age }) => age === 'young');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    await this.#subscription?.[Symbol.asyncDispose]();
  }

  #take(instances: readonly ServiceInstance[]): void {
    const isStart = !this.#started;
    this.#started = true;
    const { youngMs = 10_000 } = this.#options;
    this.#instances = instances;
    this.#adultTimes = adultTimes(this.#adultTimes, instances, this.#clock.now(), isStart ? 0 : youngMs);
    this.#refresh(!isStart);
  }

  /** Computes the members again, reports the difference, and schedules itself for when the next one becomes adult. */
  #refresh(report: boolean): void {
    const now = this.#clock.now();
    const before = this.#members;
    const members = membersOf(this.#instances, this.#adultTimes, now);
    const diff = diffInstances(before, members);
    this.#members = members;
    this.#timer?.[Symbol.dispose]();
    const at = nextAdultTime(this.#adultTimes, now);
    this.#timer = at === undefined ? undefined : this.#clock.schedule(at - now, () => this.#refresh(true));
    const { onChange } = this.#options;
    if (report && onChange !== undefined && !isEmptyDiff(diff)) {
      callIsolated(() => onChange(members, diff), 'onChange of a pool', this.#report);
    }
  }
}
