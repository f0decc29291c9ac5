import type { ConsulNodeName, InstanceId, ServiceName } from '../../model/keys.ts';
import type { Sign, Subject } from '../../plan/evidence.ts';
import type { Look, Renewal } from '../../plan/guard.ts';

/** An unexplained removal. */
export interface WaitingRemoval {
  readonly node: ConsulNodeName;
  readonly instance: InstanceId;
  readonly service: ServiceName;
  /** What it shares its replacements with: see plan/renewal.ts. */
  readonly group: string;
  /** When its pod was created, wall-clock ms; 0 when that is not known. */
  readonly createdAt: number;
  /** Consumers found it when it was first asked for. */
  readonly inService: boolean;
  /** When it was first asked for, monotonic ms. */
  readonly since: number;
  sign: Sign;
  question: Question | undefined;
  released: boolean;
  /** Another pod has taken its place. */
  renewal: Renewal | undefined;
  /** It was let through, and counts there; it is still here until Consul has committed it. */
  passed: boolean;
}

/** A subject that is to be read a second time, for all the removals that hang on it. */
export interface Question {
  readonly subject: Subject;
  readonly removals: Set<WaitingRemoval>;
  answer: Look | undefined;
  /** When it is to be read, monotonic ms; undefined: never again. */
  due: number | undefined;
  attempts: number;
}

/** The removals that nothing explains, by node and instance, and the questions they hang on. */
export class WaitingRoom {
  readonly #removals = new Map<ConsulNodeName, Map<InstanceId, WaitingRemoval>>();
  readonly #questions = new Map<string, Question>();
  #counted = 0;

  /** Removals the breaker counts: neither let through, released, replaced nor explained by a second read. */
  get counted(): number {
    return this.#counted;
  }

  get isEmpty(): boolean {
    return this.#removals.size === 0;
  }

  get(node: ConsulNodeName, instance: InstanceId): WaitingRemoval | undefined {
    return this.#removals.get(node)?.get(instance);
  }

  *all(): Iterable<WaitingRemoval> {
    for (const ofNode of this.#removals.values()) yield* ofNode.values();
  }

  nodes(): Iterable<ConsulNodeName> {
    return this.#removals.keys();
  }

  questions(): Iterable<Question> {
    return this.#questions.values();
  }

  add(
    place: Omit<WaitingRemoval, 'question' | 'released' | 'renewal' | 'passed'>,
    subject: Subject | undefined,
    due: number,
  ): WaitingRemoval {
    const removal: WaitingRemoval = {
      ...place,
      question: undefined,
      released: false,
      renewal: undefined,
      passed: false,
    };
    const ofNode = this.#removals.get(removal.node);
    if (ofNode === undefined) this.#removals.set(removal.node, new Map([[removal.instance, removal]]));
    else ofNode.set(removal.instance, removal);
    this.#counted += 1;
    this.ask(removal, subject, due);
    return removal;
  }

  /** What it hangs on from now on; the same as before changes nothing. */
  ask(removal: WaitingRemoval, subject: Subject | undefined, due: number): void {
    const key = subject === undefined ? undefined : JSON.stringify(subject);
    const before = removal.question;
    if (before !== undefined && key === JSON.stringify(before.subject)) return;
    this.#update(removal, () => {
      this.#leave(removal);
      if (key === undefined || subject === undefined) return;
      const question = this.#questions.get(key) ?? {
        subject,
        removals: new Set(),
        answer: undefined,
        due,
        attempts: 0,
      };
      question.removals.add(removal);
      this.#questions.set(key, question);
      removal.question = question;
    });
  }

  answer(question: Question, look: Look, due: number | undefined): void {
    for (const removal of question.removals) if (isCounted(removal)) this.#counted -= 1;
    question.answer = look;
    question.due = due;
    question.attempts += 1;
    for (const removal of question.removals) if (isCounted(removal)) this.#counted += 1;
  }

  pass(removal: WaitingRemoval): void {
    this.#update(removal, () => {
      removal.passed = true;
    });
  }

  renew(removal: WaitingRemoval, renewal: Renewal | undefined): void {
    this.#update(removal, () => {
      removal.renewal = renewal;
    });
  }

  release(removal: WaitingRemoval): void {
    this.#update(removal, () => {
      removal.released = true;
    });
  }

  /** Removals of the node that nobody asks for any more. */
  retain(node: ConsulNodeName, asked: ReadonlySet<InstanceId>): void {
    const ofNode = this.#removals.get(node);
    if (ofNode === undefined) return;
    for (const [instance, removal] of ofNode) {
      if (asked.has(instance)) continue;
      if (isCounted(removal)) this.#counted -= 1;
      this.#leave(removal);
      ofNode.delete(instance);
    }
    if (ofNode.size === 0) this.#removals.delete(node);
  }

  #update(removal: WaitingRemoval, change: () => void): void {
    if (isCounted(removal)) this.#counted -= 1;
    change();
    if (isCounted(removal)) this.#counted += 1;
  }

  #leave(removal: WaitingRemoval): void {
    const { question } = removal;
    if (question === undefined) return;
    removal.question = undefined;
    question.removals.delete(removal);
    if (question.removals.size === 0) this.#questions.delete(JSON.stringify(question.subject));
  }
}

const isCounted = ({ passed, released, renewal, question }: WaitingRemoval): boolean =>
  !passed && !released && renewal === undefined && question?.answer?.kind !== 'explained';
