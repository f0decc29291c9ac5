import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  visit,
  type YAMLMap,
} from 'yaml';

/** A key of a map and its value, which may have come from a merge key. */
export interface Entry {
  readonly key: string;
  /** Where the key is written. */
  readonly offset: number;
  readonly value: Node | undefined;
}

/**
 * Aliases can make a small document grow without end. A walk may take so many steps for each character of the
 * document: ordinary ones take less than one.
 */
const stepsPerCharacter = 20;
const leastSteps = 10_000;

/** A YAML document as Kubernetes reads it: aliases and merge keys (`<<`) are followed. Throws when they have no end. */
export class YamlTree {
  /** Where the document begins. */
  readonly start: number;
  readonly root: Node | undefined;
  readonly #targets = new Map<Alias, Node>();
  #steps: number;

  constructor(document: Document) {
    const [start = 0, , end = 0] = document.range ?? [];
    this.start = start;
    this.#steps = leastSteps + stepsPerCharacter * (end - start);
    const anchors = new Map<string, Node>();
    visit(document, {
      Node: (_key, node) => {
        if (isAlias(node)) {
          const target = anchors.get(node.source);
          if (target !== undefined) this.#targets.set(node, target);
        } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
      },
    });
    this.root = this.follow(document.contents);
  }

  /** The node itself, or what the alias stands for. */
  follow(node: unknown): Node | undefined {
    this.#step();
    if (isAlias(node)) return this.#targets.get(node);
    return isNode(node) ? node : undefined;
  }

  /** The entries of a map, each key once: its own before those it merges. Nothing for what is no map. */
  *entries(node: unknown, seen = new Set<string>()): Iterable<Entry> {
    const map = this.follow(node);
    if (!isMap(map)) return;
    const merged: unknown[] = [];
    for (const { key, value } of (map as YAMLMap).items) {
      this.#step();
      if (isMergeKey(key)) merged.push(value);
      else {
        const name = isScalar(key) ? String(key.value) : '';
        if (seen.has(name)) continue;
        seen.add(name);
        yield { key: name, offset: isNode(key) ? (key.range?.[0] ?? 0) : 0, value: this.follow(value) };
      }
    }
    for (const value of merged) {
      const source = this.follow(value);
      if (isSeq(source)) for (const item of source.items) yield* this.entries(item, seen);
      else yield* this.entries(source, seen);
    }
  }

  /** What stands at the end of a path of keys. */
  at(node: unknown, ...path: readonly string[]): Node | undefined {
    let found = this.follow(node);
    for (const part of path) {
      let next: Node | undefined;
      for (const { key, value } of this.entries(found)) {
        if (key === part) {
          next = value;
          break;
        }
      }
      found = next;
    }
    return found;
  }

  items(node: unknown): readonly (Node | undefined)[] {
    const sequence = this.follow(node);
    return isSeq(sequence) ? sequence.items.map((item) => this.follow(item)) : [];
  }

  text(node: unknown, ...path: readonly string[]): string {
    const value = this.at(node, ...path);
    return isScalar(value) ? String(value.value ?? '') : '';
  }

  /** The value without YAML. */
  plain(node: unknown): unknown {
    const found = this.follow(isPair(node) ? node.value : node);
    if (isMap(found)) {
      return Object.fromEntries([...this.entries(found)].map(({ key, value }) => [key, this.plain(value)]));
    }
    if (isSeq(found)) return found.items.map((item) => this.plain(item));
    return isScalar(found) ? found.value : undefined;
  }

  #step(): void {
    this.#steps -= 1;
    if (this.#steps < 0) throw new RangeError('too many aliases');
  }
}

/** The parser makes a symbol of a plain `<<`, which a quoted one is not. */
const isMergeKey = (key: unknown): boolean => isScalar(key) && typeof key.value === 'symbol';
