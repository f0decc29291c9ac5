/**
 * At most so many things at once, shared among addresses: when one more comes, the address that has the most loses
 * its oldest. So whoever takes much pushes out itself, and one short request, a probe of the kubelet say, gets
 * through whatever others do.
 */
export class FairShare {
  readonly #most: number;
  /** By address, oldest first; each with what ends it. */
  readonly #held = new Map<string, Set<() => void>>();
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** `end` is called when it has to go; the result is disposed of when it has gone by itself. */
  enter(address: string, end: () => void): Disposable {
    const ofAddress = this.#held.get(address) ?? new Set();
    this.#held.set(address, ofAddress);
    const own = () => end();
    ofAddress.add(own);
    this.#count += 1;
    if (this.#count > this.#most) this.#endOne();
    return { [Symbol.dispose]: () => this.#leave(address, own) };
  }

  #endOne(): void {
    let largest: readonly [string, Set<() => void>] | undefined;
    for (const entry of this.#held) if (entry[1].size > (largest?.[1].size ?? 0)) largest = entry;
    if (largest === undefined) return;
    const [address, ofAddress] = largest;
    const [oldest] = ofAddress;
    if (oldest === undefined) return;
    this.#leave(address, oldest);
    oldest();
  }

  #leave(address: string, end: () => void): void {
    const ofAddress = this.#held.get(address);
    if (ofAddress?.delete(end) !== true) return;
    this.#count -= 1;
    if (ofAddress.size === 0) this.#held.delete(address);
  }
}
