/**
 * One entry of the raft log while it is applied: its index, how to take it back, and what it touched. A
 * topic stands for one of Consul's watch channels; those who wait on it are woken at the commit.
 */
export class Write {
  readonly index: number;
  readonly touched = new Set<string>();
  readonly #undo: (() => void)[] = [];

  constructor(index: number) {
    this.index = index;
  }

  touch(topic: string): void {
    this.touched.add(topic);
  }

  onRollback(undo: () => void): void {
    this.#undo.push(undo);
  }

  rollback(): void {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) undo();
    this.touched.clear();
  }
}
