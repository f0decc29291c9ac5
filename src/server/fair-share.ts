/**
 * Limits how many things exist at once, shared among addresses. When one more comes, the address with the most
 * loses its oldest. A client that takes much only pushes out itself, and a short request, such as a kubelet's
 * probe, gets through.
 */
export class FairShare {
  readonly #most: number;
  /** By address, oldest first; each with what ends it. */
  readonly #held = new Map<string, Set<() => void>>();
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** `end` is called to push it out. Dispose of the result when it ends by itself. */
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
