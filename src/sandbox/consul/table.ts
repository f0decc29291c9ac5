import type { Write } from './write.ts';

export interface TableOptions<T> {
  /** Prefix of the topics a change touches: `nodes`, `nodes/<key>`, `nodes?<index>=<value>`. */
  readonly name: string;
  readonly key: (row: T) => string;
  /** Secondary indexes: the values a row is found under. */
  readonly indexes?: Readonly<Record<string, (row: T) => readonly string[]>>;
}

/** Rows in the order of their keys, sorted when somebody looks. */
class Bucket<T> {
  readonly rows = new Map<string, T>();
  #sorted: readonly T[] | undefined;

  set(key: string, row: T): void {
    this.rows.set(key, row);
    this.#sorted = undefined;
  }

  delete(key: string): void {
    this.rows.delete(key);
    this.#sorted = undefined;
  }

  list(): readonly T[] {
    this.#sorted ??= [...this.rows.keys()].sort().map((key) => this.rows.get(key)!);
    return this.#sorted;
  }
}

/** A table of immutable rows with secondary indexes, changed only inside a `Write`. */
export class Table<T> {
  readonly #options: TableOptions<T>;
  readonly #rows = new Bucket<T>();
  readonly #buckets = new Map<string, Bucket<T>>();

  constructor(options: TableOptions<T>) {
    this.#options = options;
  }

  get(key: string): T | undefined {
    return this.#rows.rows.get(key);
  }

  list(): readonly T[] {
    return this.#rows.list();
  }

  /** The rows under one value of a secondary index, in the order of their keys. */
  by(index: string, value: string): readonly T[] {
    return this.#buckets.get(`${index}=${value}`)?.list() ?? [];
  }

  /** Topic of every change, of one row, or of one value of an index. */
  topic(): string {
    return this.#options.name;
  }

  rowTopic(key: string): string {
    return `${this.#options.name}/${key}`;
  }

  indexTopic(index: string, value: string): string {
    return `${this.#options.name}?${index}=${value}`;
  }

  put(write: Write, row: T): void {
    const key = this.#options.key(row);
    const before = this.get(key);
    this.#replace(key, before, row);
    this.#touch(write, key, before, row);
    write.onRollback(() => this.#replace(key, row, before));
  }

  delete(write: Write, key: string): void {
    const before = this.get(key);
    if (before === undefined) return;
    this.#replace(key, before, undefined);
    this.#touch(write, key, before, undefined);
    write.onRollback(() => this.#replace(key, undefined, before));
  }

  /** Replaces everything, outside any write: a restored snapshot. */
  reset(rows: Iterable<T>): void {
    this.#rows.rows.clear();
    this.#buckets.clear();
    for (const row of rows) this.#replace(this.#options.key(row), undefined, row);
  }

  #replace(key: string, before: T | undefined, after: T | undefined): void {
    if (before !== undefined) for (const name of this.#names(before)) this.#remove(name, key);
    if (after === undefined) {
      this.#rows.delete(key);
      return;
    }
    this.#rows.set(key, after);
    for (const name of this.#names(after)) {
      let bucket = this.#buckets.get(name);
      if (bucket === undefined) {
        bucket = new Bucket();
        this.#buckets.set(name, bucket);
      }
      bucket.set(key, after);
    }
  }

  #remove(name: string, key: string): void {
    const bucket = this.#buckets.get(name);
    bucket?.delete(key);
    if (bucket?.rows.size === 0) this.#buckets.delete(name);
  }

  #touch(write: Write, key: string, ...rows: (T | undefined)[]): void {
    write.touch(this.topic());
    write.touch(this.rowTopic(key));
    for (const row of rows) {
      if (row === undefined) continue;
      for (const name of this.#names(row)) write.touch(`${this.#options.name}?${name}`);
    }
  }

  *#names(row: T): Iterable<string> {
    for (const [index, values] of Object.entries(this.#options.indexes ?? {})) {
      for (const value of values(row)) yield `${index}=${value}`;
    }
  }
}
