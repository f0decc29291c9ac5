import { now } from './json-request.ts';
import type { OperatorProcess } from './operator-process.ts';

/** What the operator's memory was, and what was done meanwhile. */
export interface MemoryCourse {
  /** In the order of time: seconds since the start, MB. */
  readonly samples: readonly { readonly at: number; readonly rss: number }[];
  /** When each row began. */
  readonly marks: readonly { readonly at: number; readonly name: string }[];
}

const everyMs = 250;

/** Notes the memory of a process from now on until it is disposed of. */
export class MemoryWatch implements Disposable, MemoryCourse {
  readonly samples: { readonly at: number; readonly rss: number }[] = [];
  readonly marks: { readonly at: number; readonly name: string }[] = [];
  readonly #begun = now();
  readonly #timer: NodeJS.Timeout;

  constructor(operator: OperatorProcess) {
    this.#timer = setInterval(() => {
      this.samples.push({ at: this.#at(), rss: operator.memory().rss });
    }, everyMs);
  }

  mark(name: string): void {
    this.marks.push({ at: this.#at(), name });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #at(): number {
    return (now() - this.#begun) / 1_000;
  }
}
