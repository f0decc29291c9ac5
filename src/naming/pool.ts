import { type Clock, systemClock } from '../lib/clock.ts';
import type { InstanceFilter, Naming, ServiceSubscription } from './contract.ts';
import { diffInstances, type InstanceDiff, isEmptyDiff } from './diff.ts';
import type { ServiceInstance } from './instance.ts';
import { callIsolated, isolatedReport } from './isolated-call.ts';
import { type Report, warn } from './naming-error.ts';
import { type Coming, comingOf, membersOf, nextComing, type PoolMember } from './pool-members.ts';

export interface PoolOptions extends InstanceFilter {
  /** How long an instance that comes later is young, in milliseconds. Default 10,000. */
  readonly youngMs?: number;
  /**
   * Gets all members and what changed whenever something did, growing up included. Not called for the members
   * found at the start. What it throws is reported.
   */
  readonly onChange?: (
    members: readonly PoolMember[],
    diff: InstanceDiff<PoolMember>,
  ) => void | Promise<void>;
  /** Bounds the wait for the members found at the start; ends the pool when it fires later. */
  readonly signal?: AbortSignal;
  /** Gets what `onChange` throws. Default: a process warning. */
  readonly report?: Report;
  readonly clock?: Clock;
}

/**
 * The instances of one service, kept current for a consumer that holds a long connection to each. Those
 * found at the start are adult, later ones young until `youngMs` have passed; meta `service_state`
 * (`young` or `adult`) overrides both. Uses the Naming's one subscription to that service.
 */
export class Pool implements AsyncDisposable {
  readonly #options: PoolOptions;
  readonly #clock: Clock;
  readonly #report: Report;
  #instances: readonly ServiceInstance[] = [];
  #coming: Coming = new Map();
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

  /** Resolves when the members at the start are known. Rejects as `Naming.subscribe()` does. */
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

  /** Everyone, in a stable order. A new frozen list after every change. */
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
    this.#coming = comingOf(this.#coming, instances, this.#clock.now(), isStart ? 0 : youngMs);
    this.#refresh(!isStart);
  }

  /** Works the members out anew, tells of the difference, and comes back when the next one grows up. */
  #refresh(tell: boolean): void {
    const now = this.#clock.now();
    const before = this.#members;
    const members = membersOf(this.#instances, this.#coming, now);
    const diff = diffInstances(before, members);
    this.#members = members;
    this.#timer?.[Symbol.dispose]();
    const at = nextComing(this.#coming, now);
    this.#timer = at === undefined ? undefined : this.#clock.schedule(at - now, () => this.#refresh(true));
    const { onChange } = this.#options;
    if (tell && onChange !== undefined && !isEmptyDiff(diff)) {
      callIsolated(() => onChange(members, diff), 'onChange of a pool', this.#report);
    }
  }
}
