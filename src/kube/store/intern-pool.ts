/** Longer values are not shared, in characters of JSON: they are few, unless an attacker makes many. */
const longestShared = 131_072;

export interface InternPoolOptions {
  /** Entries in a generation. Default 8,192. */
  readonly entries?: number;
  /** Characters in a generation, of the texts by which values are found again. Default 2 Mi. */
  readonly characters?: number;
}

/**
 * Shares values of equal content between records: label sets, port lists, node names. Pods of one ReplicaSet
 * differ in little more than name and IP, so this saves most of a record's memory.
 *
 * The pool never exceeds two generations of each kind, each bounded in entries and in characters: it keeps the values
 * that were used lately. A value that it drops is only not shared with later records, so no references are counted
 * and no relist rebuilds anything.
 */
export class InternPool {
  readonly #strings: Generations<string>;
  readonly #values: Generations<unknown>;

  constructor({ entries = 8_192, characters = 2_097_152 }: InternPoolOptions = {}) {
    this.#strings = new Generations(entries, characters);
    this.#values = new Generations(entries, characters);
  }

  /** Entries held at the moment. */
  get size(): number {
    return this.#strings.size + this.#values.size;
  }

  /** Characters held at the moment. */
  get characters(): number {
    return this.#strings.characters + this.#values.characters;
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
  readonly #entries: number;
  readonly #characters: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();
  #youngCharacters = 0;
  #oldCharacters = 0;

  constructor(entries: number, characters: number) {
    this.#entries = entries;
    this.#characters = characters;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get characters(): number {
    return this.#youngCharacters + this.#oldCharacters;
  }

  shared(key: string, value: T): T {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    if (key.length > Math.min(longestShared, this.#characters)) return value;
    const known = this.#old.get(key) ?? value;
    if (this.#young.size >= this.#entries || this.#youngCharacters + key.length > this.#characters) {
      this.#old = this.#young;
      this.#oldCharacters = this.#youngCharacters;
      this.#young = new Map();
      this.#youngCharacters = 0;
    }
    this.#young.set(key, known);
    this.#youngCharacters += key.length;
    return known;
  }
}
