/** Bounds of the buckets grow by a tenth: what is read from them is as exact. */
const growth = Math.log(1.1);
/** From 1 ms up to an hour and more. */
const buckets = 160;

/** Durations of which a percentile is asked later, in little memory however many there are. */
export class Percentiles {
  readonly #counts = new Uint32Array(buckets);
  #total = 0;

  add(ms: number): void {
    const bucket = ms <= 1 ? 0 : Math.min(buckets - 1, Math.round(Math.log(ms) / growth));
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.#total += 1;
  }

  /** The duration that a share of all does not exceed; undefined without any. */
  at(share: number): number | undefined {
    if (this.#total === 0) return undefined;
    let left = Math.ceil(this.#total * share);
    const bucket = this.#counts.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return Math.exp(bucket * growth);
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }
}
