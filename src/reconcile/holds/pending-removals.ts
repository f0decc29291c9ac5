import type { ConsulNodeName, InstanceId, ServiceName } from '../../model/keys.ts';
import type { Proof, Sign, Subject } from '../../plan/evidence.ts';
import { isWithdrawn, type ReadAnswer, type Waiting } from '../../plan/guard.ts';

/** An unexplained removal. Times are monotonic ms. */
export interface PendingRemoval {
  readonly node: ConsulNodeName;
  readonly instance: InstanceId;
  readonly service: ServiceName;
  /** Kubernetes node it is on; empty when that is not known. */
  readonly kubeNode: string;
  readonly address: string;
  /** When it was first asked for. */
  readonly since: number;
  sign: Sign;
  verification: Verification | undefined;
  order: Waiting['order'];
  proof: Proof | undefined;
  /** The history went backwards while it was pending: kubelets may follow the one before. */
  isOfOtherHistory: boolean;
  /** It was let through, and counts there; it is still here until Consul has committed it. */
  passed: boolean;
}

/** A subject to be read, for all the removals that hang on it. Times are monotonic ms. */
export interface Verification {
  readonly subject: Subject;
  readonly removals: Set<PendingRemoval>;
  answer: ReadAnswer | undefined;
  /** When the read was sent that was answered last. */
  readAt: number;
  /** When the first of the reads was sent that have agreed ever since; undefined: the last one did not. */
  agreedSince: number | undefined;
  /** When it is to be read; undefined: not again for now. */
  due: number | undefined;
  attempts: number;
}

type New = Pick<
  PendingRemoval,
  'node' | 'instance' | 'service' | 'kubeNode' | 'address' | 'since' | 'sign' | 'isOfOtherHistory'
>;

/** The removals that nothing explains, by node and instance, and the verifications they hang on. */
export class PendingRemovals {
  readonly #removals = new Map<ConsulNodeName, Map<InstanceId, PendingRemoval>>();
  readonly #verifications = new Map<string, Verification>();
  #counted = 0;

  /** Removals the breaker counts: neither let through, released, proved nor explained by a read. */
  get counted(): number {
    return this.#counted;
  }

  /** How many there are with this evidence. */
  countOf(sign: Sign): number {
    let count = 0;
    for (const removal of this.all()) if (removal.sign === sign && isCounted(removal)) count += 1;
    return count;
  }

  get isEmpty(): boolean {
    return this.#removals.size === 0;
  }

  get(node: ConsulNodeName, instance: InstanceId): PendingRemoval | undefined {
    return this.#removals.get(node)?.get(instance);
  }

  *all(): Iterable<PendingRemoval> {
    for (const ofNode of this.#removals.values()) yield* ofNode.values();
  }

  nodes(): Iterable<ConsulNodeName> {
    return this.#removals.keys();
  }

  verifications(): Iterable<Verification> {
    return this.#verifications.values();
  }

  add(place: New, subject: Subject | undefined, due: number): PendingRemoval {
    const nothing = { verification: undefined, order: undefined, proof: undefined, passed: false };
    const removal: PendingRemoval = { ...place, ...nothing };
    const ofNode = this.#removals.get(removal.node);
    if (ofNode === undefined) this.#removals.set(removal.node, new Map([[removal.instance, removal]]));
    else ofNode.set(removal.instance, removal);
    this.#counted += 1;
    this.ask(removal, subject, due);
    return removal;
  }

  /** What it hangs on from now on; the same as before changes nothing. */
  ask(removal: PendingRemoval, subject: Subject | undefined, due: number): void {
    const key = subject === undefined ? undefined : JSON.stringify(subject);
    const before = removal.verification;
    if (before !== undefined && key === JSON.stringify(before.subject)) return;
    this.#update([removal], () => {
      this.#leave(removal);
      if (key === undefined || subject === undefined) return;
      const verification = this.#verifications.get(key) ?? {
        subject,
        removals: new Set(),
        answer: undefined,
        readAt: 0,
        agreedSince: undefined,
        due,
        attempts: 0,
      };
      readAgain(verification, due);
      verification.removals.add(removal);
      this.#verifications.set(key, verification);
      removal.verification = verification;
      removal.proof = undefined;
    });
  }

  answer(verification: Verification, answer: ReadAnswer, readAt: number, due: number | undefined): void {
    this.#update([...verification.removals], () => {
      const agrees = answer.kind === 'absent' || answer.kind === 'unchanged';
      const agreed =
        agrees && verification.answer?.kind === answer.kind ? verification.agreedSince : undefined;
      verification.agreedSince = agrees ? (agreed ?? readAt) : undefined;
      verification.answer = answer;
      verification.readAt = readAt;
      verification.due = due;
      verification.attempts += 1;
      if (answer.kind !== 'absent') for (const removal of verification.removals) removal.proof = undefined;
    });
  }

  /** Its evidence is another than before. */
  sign(removal: PendingRemoval, sign: Sign, due: number): void {
    if (removal.sign === sign) return;
    this.#update([removal], () => {
      removal.sign = sign;
      // It was there, and now it is missing.
      if (removal.verification?.answer?.kind === 'unchanged') readAgain(removal.verification, due);
    });
  }

  prove(removal: PendingRemoval, proof: Proof): void {
    this.#update([removal], () => {
      removal.proof = proof;
    });
  }

  pass(removal: PendingRemoval): void {
    this.#update([removal], () => {
      removal.passed = true;
    });
  }

  order(removal: PendingRemoval, order: Waiting['order']): void {
    this.#update([removal], () => {
      removal.order = order;
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

  #update(removals: readonly PendingRemoval[], change: () => void): void {
    for (const removal of removals) if (isCounted(removal)) this.#counted -= 1;
    change();
    for (const removal of removals) if (isCounted(removal)) this.#counted += 1;
  }

  #leave(removal: PendingRemoval): void {
    const { verification } = removal;
    if (verification === undefined) return;
    removal.verification = undefined;
    verification.removals.delete(removal);
    if (verification.removals.size === 0) this.#verifications.delete(JSON.stringify(verification.subject));
  }
}

/** What was read before is no answer to what is asked now. */
function readAgain(verification: Verification, due: number): void {
  if (verification.answer === undefined) return;
  verification.answer = undefined;
  verification.due = due;
}

const isCounted = ({ passed, order, proof, sign, verification }: PendingRemoval): boolean =>
  !passed &&
  order !== 'release' &&
  proof === undefined &&
  verification?.answer?.kind !== 'explained' &&
  !isWithdrawn({ sign, answer: verification?.answer });
