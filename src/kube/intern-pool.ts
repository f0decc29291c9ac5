/**
 * Shares values of equal content between records: label sets, port lists, node names. Pods of one ReplicaSet
 * differ in little more than name and IP, so this is most of what makes a record slim.
 *
 * The pool never grows past two generations of `capacity` entries of each kind: what was asked for lately is
 * kept, the rest is let go. A forgotten value only stops being shared with records still to come, so nothing
 * has to count references and no relist has to rebuild anything.
 */
export class InternPool {
  readonly #strings: Generations<string>;
  readonly #values: Generations<unknown>;

  /** `capacity`: entries in a generation. Default 8,192. */
  constructor(capacity = 8_192) {
    this.#strings = new Generations(capacity);
    this.#values = new Generations(capacity);
  }

  /** Entries held at the moment. */
  get size(): number {
    return this.#strings.size + this.#values.size;
  }

  string(text: string): string {
    return this.#strings.shared(text, text);
  }

  /** The shared value equal to `value`, which must be plain JSON and never be changed afterwards. */
  value<T>(value: T): T {
    return this.#values.shared(JSON.stringify(value), value) as T;
  }
}

class Generations<T> {
  readonly #capacity: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  shared(key: string, value: T): T {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const known = this.#old.get(key) ?? value;
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, known);
    return known;
  }
}
