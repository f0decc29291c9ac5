import type { ConsistentReads } from '../../kube/consistent-reads.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { inParallel } from '../../lib/in-parallel.ts';
import type { Random } from '../../lib/random.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { Subject } from '../../plan/evidence.ts';
import type { ReadAnswer } from '../../plan/guard.ts';
import type { PendingRemovals, Verification } from './pending-removals.ts';

export interface VerifierOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly reads: Pick<ConsistentReads, 'at' | 'atPods'>;
  readonly pending: PendingRemovals;
  /** A verification was answered. */
  readonly onAnswered: (verification: Verification) => void;
  /** When proofs are to be looked for, monotonic ms; undefined: there is nothing to prove. */
  readonly proofsDue: () => number | undefined;
  readonly findProofs: (signal: AbortSignal) => Promise<void>;
}

/** More pods than this are read by one list instead of one by one. */
const manyPods = 20;
/** Second reads under way at once. */
const parallel = 4;

type PodSubject = Extract<Subject, { kind: 'pod' }>;

/** Has the subjects of what is pending read, each when it is due, and what proves that they have ended. */
export class Verifier {
  readonly #options: VerifierOptions;
  readonly #wakeup: Wakeup;

  constructor(options: VerifierOptions) {
    this.#options = options;
    this.#wakeup = new Wakeup(options.clock);
  }

  /** There is something new to be read. */
  notify(): void {
    this.#wakeup.notify();
  }

  /** Until the signal aborts; then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    try {
      for (;;) {
        const [verification, proofs] = [this.#nextDue(), this.#options.proofsDue()];
        const next = Math.min(verification ?? Number.POSITIVE_INFINITY, proofs ?? Number.POSITIVE_INFINITY);
        const wait = next - clock.now();
        if (wait > 0) await this.#wakeup.wait(Number.isFinite(wait) ? wait : undefined, signal);
        else if (next === verification) await this.#lookAround(signal);
        else await this.#options.findProofs(signal);
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }

  #nextDue(): number | undefined {
    let next: number | undefined;
    for (const { due } of this.#options.pending.verifications()) {
      if (due !== undefined && (next === undefined || due < next)) next = due;
    }
    return next;
  }

  async #lookAround(signal: AbortSignal): Promise<void> {
    const { clock, reads, pending } = this.#options;
    const now = clock.now();
    const open = [...pending.verifications()].filter(({ due }) => due !== undefined);
    const pods = open.filter(isOfPod);
    const isMany = pods.length > manyPods;
    if (isMany) {
      const lookOf = await reads.atPods(
        pods.map(({ subject }) => subject),
        signal,
      );
      for (const verification of pods) this.#answered(verification, lookOf(verification.subject), now);
    }
    const single = open.filter(
      (each) => each.due !== undefined && each.due <= now && !(isMany && isOfPod(each)),
    );
    await inParallel(single, parallel, async (verification) => {
      const sentAt = clock.now();
      this.#answered(verification, await reads.at(verification.subject, signal), sentAt);
    });
  }

  #answered(verification: Verification, look: ReadAnswer, sentAt: number): void {
    const { clock, random, pending, onAnswered } = this.#options;
    const isFinal = look.kind === 'absent' || look.kind === 'unchanged' || look.kind === 'explained';
    const backoff = new Backoff({ initialMs: 2_000 * 2 ** Math.min(verification.attempts, 5), random });
    pending.answer(verification, look, sentAt, isFinal ? undefined : clock.now() + backoff.next(1_000));
    onAnswered(verification);
  }
}

const isOfPod = (
  verification: Verification,
): verification is Verification & { readonly subject: PodSubject } => verification.subject.kind === 'pod';
