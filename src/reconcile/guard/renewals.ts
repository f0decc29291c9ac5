import type { Clock } from '../../lib/clock.ts';
import type { EvidenceView, Sightings } from '../../plan/evidence.ts';
import type { ObservedNode } from '../../plan/observed.ts';
import { countInService, readyPods, renewed } from '../../plan/renewal.ts';
import type { WaitingRemoval, WaitingRoom } from './waiting-room.ts';

export interface RenewalsOptions {
  readonly clock: Clock;
  readonly view: Pick<EvidenceView, 'pod'>;
  readonly seen: Pick<Sightings, 'regressed'>;
  /** Nodes of ours in Consul now. */
  readonly nodes: () => Iterable<ObservedNode>;
  /** For how long the start explains what is missing, ms; afterwards the first that is missed does. */
  readonly windowMs: number;
}

/** What one group has missed since the first of them. */
interface Loss {
  /** Instances in service before. */
  readonly before: number;
  readonly missing: Set<WaitingRemoval>;
}

/** Which of the removals that wait are of pods in whose place others stand: see plan/renewal.ts. */
export class Renewals {
  readonly #options: RenewalsOptions;
  readonly #startedAt: number;
  readonly #losses = new Map<string, Loss>();
  /** Instances in service at the start, by group; later on none. */
  #atStart: ReadonlyMap<string, number> | undefined;

  constructor(options: RenewalsOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#atStart = countInService(options.nodes());
  }

  /** Marks the removals in the room anew, and returns those that changed. */
  weigh(room: WaitingRoom): WaitingRemoval[] {
    const { nodes, view, seen } = this.#options;
    this.#note(room);
    const ready = readyPods(nodes(), new Set(this.#losses.keys()), view);
    const changed: WaitingRemoval[] = [];
    for (const [group, { before, missing }] of this.#losses) {
      const replaced = seen.regressed
        ? 0
        : renewed({ before, missing: [...missing], ready: ready.get(group) ?? [] });
      const renewal = replaced < missing.size ? 'partly' : 'wholly';
      // Those that went already come first: they have taken up theirs.
      let left = replaced;
      for (const removal of [...missing].sort((a, b) => Number(b.passed) - Number(a.passed))) {
        left -= 1;
        const mark = left < 0 ? undefined : renewal;
        if (removal.passed || removal.renewal === mark) continue;
        room.renew(removal, mark);
        changed.push(removal);
      }
    }
    return changed;
  }

  /** What is missing now. What came back is not; what went stays until the whole group is done. */
  #note(room: WaitingRoom): void {
    const open = new Set<string>();
    for (const removal of room.all()) {
      if (!isEligible(removal)) continue;
      open.add(removal.group);
      const loss = this.#losses.get(removal.group);
      if (loss !== undefined) loss.missing.add(removal);
      else
        this.#losses.set(removal.group, { before: this.#before(removal.group), missing: new Set([removal]) });
    }
    for (const [group, { missing }] of this.#losses) {
      for (const removal of missing) {
        const isThere = room.get(removal.node, removal.instance) === removal;
        if (isThere ? !removal.passed && !isEligible(removal) : !removal.passed) {
          missing.delete(removal);
          if (isThere) room.renew(removal, undefined);
        }
      }
      if (!open.has(group)) this.#losses.delete(group);
    }
  }

  #before(group: string): number {
    const { clock, nodes, windowMs } = this.#options;
    if (clock.now() - this.#startedAt >= windowMs) this.#atStart = undefined;
    return (this.#atStart ?? countInService(nodes())).get(group) ?? 0;
  }
}

/** One whose pod this process has never seen, and which a second read did not find either, as far as it is done. */
const isEligible = ({ sign, released, question }: WaitingRemoval): boolean =>
  sign === 'absent' &&
  !released &&
  question?.subject.kind === 'pod' &&
  (question.answer === undefined || question.answer.kind === 'agrees');
