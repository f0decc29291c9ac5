/** Records by two keys, such as namespace and Service: each pair holds a set of them. */
export class NestedIndex<R> {
  readonly #sets = new Map<string, Map<string, Set<R>>>();

  add(outer: string, inner: string, record: R): void {
    let byInner = this.#sets.get(outer);
    if (byInner === undefined) {
      byInner = new Map();
      this.#sets.set(outer, byInner);
    }
    const records = byInner.get(inner);
    if (records === undefined) byInner.set(inner, new Set([record]));
    else records.add(record);
  }

  delete(outer: string, inner: string, record: R): void {
    const byInner = this.#sets.get(outer);
    const records = byInner?.get(inner);
    if (records?.delete(record) !== true || records.size > 0) return;
    byInner?.delete(inner);
    if (byInner?.size === 0) this.#sets.delete(outer);
  }

  get(outer: string, inner: string): Iterable<R> {
    return this.#sets.get(outer)?.get(inner) ?? [];
  }
}
