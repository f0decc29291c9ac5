/** A source of randomness: a number in [0, 1). Injected, so that one seed replays a simulation. */
export type Random = () => number;

export const systemRandom: Random = Math.random;

/** A value spread evenly over `value ± share · value`; `share` 0.1 means ±10 %. */
export function jittered(value: number, share: number, random: Random): number {
  return value * (1 + share * (2 * random() - 1));
}
