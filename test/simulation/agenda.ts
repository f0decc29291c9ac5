interface Entry {
  readonly at: number;
  readonly run: () => void;
}

/** What is still to happen, in the order of its time and then of its entry. */
export class Agenda {
  readonly #entries: Entry[] = [];

  add(at: number, run: () => void): void {
    let position = this.#entries.length;
    while (position > 0 && this.#entries[position - 1]!.at > at) position -= 1;
    this.#entries.splice(position, 0, { at, run });
  }

  next(): Entry | undefined {
    return this.#entries.shift();
  }
}
