import type { Clock } from '../../lib/clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { jittered, type Random } from '../../lib/random.ts';
import { forever } from '../../lib/retry.ts';
import { checkStatus } from '../../model/check.ts';
import type { CheckId, ConsulNodeName, InstanceId } from '../../model/keys.ts';
import { ttlIn } from '../../plan/notes.ts';
import { isOwnCheck } from '../../plan/ownership.ts';
import type { Fence } from '../fence.ts';
import type { ObservedState } from '../observed-state.ts';
import type { Agents } from './agents.ts';

export interface KeepAliveOptions {
  readonly agents: Agents;
  readonly observed: Pick<ObservedState, 'nodes' | 'node' | 'isWriting'>;
  readonly fence: Fence;
  readonly clock: Clock;
  readonly random: Random;
  /** Of the checks. */
  readonly ttlMs: number;
  /** The agent does not have a check that it should have: it is to be read. */
  readonly onMissing: (node: ConsulNodeName) => void;
}

/**
 * Repeats the status of every TTL check before its TTL expires: three times within it, and sooner after a failure. Each
 * node has its own time, so that thousands of checks are never updated at once. The first round is spread over only a
 * tenth of the TTL, because the age of the last status is not known.
 *
 * It repeats what was written last. The reconciler decides what the status should be.
 */
export class KeepAlive {
  readonly #options: KeepAliveOptions;
  /** By node, when it is due: `clock.now()`. */
  readonly #due = new Map<ConsulNodeName, number>();
  readonly #running = new Map<ConsulNodeName, Promise<void>>();

  constructor(options: KeepAliveOptions) {
    this.#options = options;
  }

  /** Runs until the signal aborts and what was in flight has ended; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, ttlMs } = this.#options;
    const round = () => {
      this.#start(signal);
      return clock.sleep(ttlMs / 100, signal);
    };
    await forever(round, signal);
    await Promise.all(this.#running.values());
  }

  #start(signal: AbortSignal): void {
    const { observed, clock, random, ttlMs } = this.#options;
    const now = clock.now();
    const names = new Set<ConsulNodeName>();
    for (const { name } of observed.nodes()) {
      names.add(name);
      const due = this.#due.get(name);
      if (due === undefined) this.#due.set(name, now + (ttlMs / 10) * random());
      else if (due <= now && !this.#running.has(name)) {
        const running = this.#repeat(name, signal).then((waitMs) => {
          this.#running.delete(name);
          this.#due.set(name, clock.now() + waitMs);
        });
        this.#running.set(name, running);
      }
    }
    for (const name of this.#due.keys()) if (!names.has(name)) this.#due.delete(name);
  }

  /** Resolves with how long to wait until the next time, in milliseconds. */
  async #repeat(node: ConsulNodeName, signal: AbortSignal): Promise<number> {
    const { observed, random, ttlMs, onMissing } = this.#options;
    const next = jittered(ttlMs / 3, 0.1, random);
    const soon = jittered(ttlMs / 20, 0.5, random);
    try {
      for (const [instance, { checks }] of observed.node(node)?.instances ?? []) {
        for (const [check, known] of checks) {
          if (!isOwnCheck(known) || ttlIn(known.notes) === undefined) continue;
          if (signal.aborted) return next;
          if (!(await this.#repeatOne(node, instance, check, signal))) return soon;
        }
      }
      return next;
    } catch (thrown) {
      if (RegistrarError.from(thrown).code === 'not-found') onMissing(node);
      return soon;
    }
  }

  /** Resolves with false when something else is being written: it is to be tried again. */
  #repeatOne(node: ConsulNodeName, instance: InstanceId, id: CheckId, signal: AbortSignal): Promise<boolean> {
    const { agents, observed, fence } = this.#options;
    return agents.write(node, async (client) => {
      // The write in flight is newer than the state in memory.
      if (observed.isWriting(node)) return false;
      const check = observed.node(node)?.instances.get(instance)?.checks.get(id);
      if (check === undefined) return true;
      fence.check();
      await client.updateCheck(id, checkStatus(check.status), check.output, signal);
      return true;
    });
  }
}
