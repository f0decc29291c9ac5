/** Most addresses one node hands out. */
const perNode = 1022;

interface Range {
  readonly base: number;
  last: number;
  readonly taken: Set<string>;
}

/** Pod addresses: every node has a range of its own inside 10.128.0.0/9 and goes round it. */
export class NodeAddresses {
  readonly #nodes = new Map<string, Range>();

  /** Throws when the node has none left. */
  take(node: string): string {
    const range = this.#rangeOf(node);
    for (let tries = 0; tries < perNode; tries += 1) {
      range.last = (range.last % perNode) + 1;
      const address = written(range.base + range.last);
      if (range.taken.has(address)) continue;
      range.taken.add(address);
      return address;
    }
    throw new Error(`node ${node} has no address left`);
  }

  /** Marks an address as taken that a pod already has. */
  claim(node: string, address: string): void {
    this.#rangeOf(node).taken.add(address);
  }

  release(node: string, address: string): void {
    this.#nodes.get(node)?.taken.delete(address);
  }

  #rangeOf(node: string): Range {
    let range = this.#nodes.get(node);
    if (range === undefined) {
      range = { base: this.#nodes.size * 1024, last: 0, taken: new Set() };
      this.#nodes.set(node, range);
    }
    return range;
  }
}

function written(offset: number): string {
  return `10.${128 + (offset >> 16)}.${(offset >> 8) & 255}.${offset & 255}`;
}
