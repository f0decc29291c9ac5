import type { ConsulNodeName } from '../model/keys.ts';

/** What changed between two looks at one node. */
export interface LedgerChange<Item> {
  readonly appeared: readonly Item[];
  readonly cleared: readonly Item[];
}

export interface LedgerLine<Item> {
  readonly item: Item;
  /** Wall-clock milliseconds at which it appeared. */
  readonly since: number;
}

/**
 * What is to be reported at the moment: problems, findings. Each is reported once, however many nodes it shows up on
 * (an annotation of a Service is met again on each of its endpoints' nodes) and however often those are
 * reviewed. Items with the same text are one item, as the last of them.
 */
export class Ledger<Item> {
  readonly #wall: () => number;
  readonly #textOf: (item: Item) => unknown;
  readonly #byNode = new Map<ConsulNodeName, ReadonlySet<string>>();
  readonly #lines = new Map<string, { line: LedgerLine<Item>; nodes: number }>();

  /** `textOf`: the part of an item whose change is news. Default: all of it. */
  constructor(wall: () => number, textOf: (item: Item) => unknown = (item) => item) {
    this.#wall = wall;
    this.#textOf = textOf;
  }

  /** Replaces what is known about `node`. */
  update(node: ConsulNodeName, items: readonly Item[]): LedgerChange<Item> {
    const before = this.#byNode.get(node);
    if (before === undefined && items.length === 0) return { appeared: [], cleared: [] };
    const after = new Map(items.map((item) => [JSON.stringify(this.#textOf(item)), item]));
    const appeared: Item[] = [];
    for (const [key, item] of after) {
      if (before?.has(key)) this.#lines.get(key)!.line = { ...this.#lines.get(key)!.line, item };
      else if (this.#enter(key, item)) appeared.push(item);
    }
    const cleared: Item[] = [];
    for (const key of before ?? []) {
      const item = after.has(key) ? undefined : this.#leave(key);
      if (item !== undefined) cleared.push(item);
    }
    if (after.size === 0) this.#byNode.delete(node);
    else this.#byNode.set(node, new Set(after.keys()));
    return { appeared, cleared };
  }

  *lines(): Iterable<LedgerLine<Item>> {
    for (const { line } of this.#lines.values()) yield line;
  }

  #enter(key: string, item: Item): boolean {
    const known = this.#lines.get(key);
    if (known) known.nodes += 1;
    else this.#lines.set(key, { line: { item, since: this.#wall() }, nodes: 1 });
    return known === undefined;
  }

  #leave(key: string): Item | undefined {
    const known = this.#lines.get(key);
    if (known === undefined) return undefined;
    known.nodes -= 1;
    if (known.nodes > 0) return undefined;
    this.#lines.delete(key);
    return known.line.item;
  }
}
