import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { inParallel } from '../../lib/in-parallel.ts';
import type { Random } from '../../lib/random.ts';
import type { Subject } from '../../plan/evidence.ts';
import type { Look } from '../../plan/guard.ts';
import type { SecondLook } from './second-look.ts';
import type { Question, WaitingRoom } from './waiting-room.ts';

export interface InquiryOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly look: Pick<SecondLook, 'at' | 'atPods'>;
  readonly room: WaitingRoom;
  /** A question was answered. */
  readonly onAnswered: (question: Question) => void;
}

/** More pods than this are read by one list instead of one by one. */
const manyPods = 20;
/** Second reads under way at once. */
const parallel = 4;

type PodSubject = Extract<Subject, { kind: 'pod' }>;

/** Has the subjects of what waits read a second time, each when it is due; asks again what has no answer yet. */
export class Inquiry {
  readonly #options: InquiryOptions;
  #wake: (() => void) | undefined;

  constructor(options: InquiryOptions) {
    this.#options = options;
  }

  /** There is something new to be read. */
  wake(): void {
    this.#wake?.();
  }

  /** Until the signal aborts; then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    try {
      for (;;) {
        const next = this.#nextDue();
        const wait = next === undefined ? undefined : next - clock.now();
        if (wait === undefined || wait > 0) await this.#woken(wait, signal);
        else await this.#lookAround(signal);
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }

  #nextDue(): number | undefined {
    let next: number | undefined;
    for (const { due } of this.#options.room.questions()) {
      if (due !== undefined && (next === undefined || due < next)) next = due;
    }
    return next;
  }

  async #lookAround(signal: AbortSignal): Promise<void> {
    const { clock, look, room } = this.#options;
    const now = clock.now();
    const open = [...room.questions()].filter(({ due }) => due !== undefined);
    const pods = open.filter(isOfPod);
    const isMany = pods.length > manyPods;
    if (isMany) {
      const lookOf = await look.atPods(
        pods.map(({ subject }) => subject),
        signal,
      );
      for (const question of pods) this.#answered(question, lookOf(question.subject));
    }
    const single = open.filter(
      (each) => each.due !== undefined && each.due <= now && !(isMany && isOfPod(each)),
    );
    await inParallel(single, parallel, async (question) =>
      this.#answered(question, await look.at(question.subject, signal)),
    );
  }

  #answered(question: Question, look: Look): void {
    const { clock, random, room, onAnswered } = this.#options;
    const isFinal = look.kind === 'agrees' || look.kind === 'explained';
    const backoff = new Backoff({ initialMs: 2_000 * 2 ** Math.min(question.attempts, 5), random });
    room.answer(question, look, isFinal ? undefined : clock.now() + backoff.next(1_000));
    onAnswered(question);
  }

  async #woken(ms: number | undefined, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = ms === undefined ? undefined : this.#options.clock.schedule(ms, resolve);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#wake = resolve;
    try {
      await promise;
    } finally {
      this.#wake = undefined;
      timer?.[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
    }
  }
}

const isOfPod = (question: Question): question is Question & { readonly subject: PodSubject } =>
  question.subject.kind === 'pod';
