/** Latencies in a few numbers. */
export interface Spread {
  readonly count: number;
  /** Milliseconds. */
  readonly median: number;
  readonly slowest: number;
}

/** Undefined for no latencies. */
export function spreadOf(latencies: readonly number[]): Spread | undefined {
  if (latencies.length === 0) return undefined;
  const sorted = [...latencies].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return {
    count: sorted.length,
    median: (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2,
    slowest: sorted.at(-1)!,
  };
}

/** `0.4 ms`, `12 ms`, `1.2 s` */
export function msText(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 9.95 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
