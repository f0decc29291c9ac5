/** Whether watches bring the news of a cluster, or the server or the network keeps them back. */
export class News {
  #since: number | undefined;
  #releasedAt: number | undefined;

  get isHeldBack(): boolean {
    return this.#since !== undefined && this.#releasedAt === undefined;
  }

  holdBack(now: number): void {
    this.#since = now;
    this.#releasedAt = undefined;
  }

  release(now: number): void {
    this.#releasedAt = now;
  }

  /** Since when they are held back, or were until they are all delivered: `deliveryMs` after the release. */
  heldBackSince(now: number, deliveryMs: number): number | undefined {
    const delivered = this.#releasedAt !== undefined && now > this.#releasedAt + deliveryMs;
    return delivered ? undefined : this.#since;
  }
}
