import type { ConsistentReads } from '../../kube/consistent-reads.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { inParallel } from '../../lib/in-parallel.ts';
import type { Random } from '../../lib/random.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { Subject } from '../../plan/evidence.ts';
import type { Look } from '../../plan/guard.ts';
import type { PendingRemovals, Question } from './pending-removals.ts';

export interface InquiryOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly reads: Pick<ConsistentReads, 'at' | 'atPods'>;
  readonly pending: PendingRemovals;
  /** A question was answered. */
  readonly onAnswered: (question: Question) => void;
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
export class Inquiry {
  readonly #options: InquiryOptions;
  readonly #wakeup: Wakeup;

  constructor(options: InquiryOptions) {
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
        const [question, proofs] = [this.#nextDue(), this.#options.proofsDue()];
        const next = Math.min(question ?? Number.POSITIVE_INFINITY, proofs ?? Number.POSITIVE_INFINITY);
        const wait = next - clock.now();
        if (wait > 0) await this.#wakeup.wait(Number.isFinite(wait) ? wait : undefined, signal);
        else if (next === question) await this.#lookAround(signal);
        else await this.#options.findProofs(signal);
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }

  #nextDue(): number | undefined {
    let next: number | undefined;
    for (const { due } of this.#options.pending.questions()) {
      if (due !== undefined && (next === undefined || due < next)) next = due;
    }
    return next;
  }

  async #lookAround(signal: AbortSignal): Promise<void> {
    const { clock, reads, pending } = this.#options;
    const now = clock.now();
    const open = [...pending.questions()].filter(({ due }) => due !== undefined);
    const pods = open.filter(isOfPod);
    const isMany = pods.length > manyPods;
    if (isMany) {
      const lookOf = await reads.atPods(
        pods.map(({ subject }) => subject),
        signal,
      );
      for (const question of pods) this.#answered(question, lookOf(question.subject), now);
    }
    const single = open.filter(
      (each) => each.due !== undefined && each.due <= now && !(isMany && isOfPod(each)),
    );
    await inParallel(single, parallel, async (question) => {
      const sentAt = clock.now();
      this.#answered(question, await reads.at(question.subject, signal), sentAt);
    });
  }

  #answered(question: Question, look: Look, sentAt: number): void {
    const { clock, random, pending, onAnswered } = this.#options;
    const isFinal = look.kind === 'absent' || look.kind === 'unchanged' || look.kind === 'explained';
    const backoff = new Backoff({ initialMs: 2_000 * 2 ** Math.min(question.attempts, 5), random });
    pending.answer(question, look, sentAt, isFinal ? undefined : clock.now() + backoff.next(1_000));
    onAnswered(question);
  }
}

const isOfPod = (question: Question): question is Question & { readonly subject: PodSubject } =>
  question.subject.kind === 'pod';
