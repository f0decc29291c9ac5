const decimal = /^[1-9][0-9]*$/;

/**
 * Orders two resourceVersions: negative when `a` is older than `b`, 0 when equal, undefined when they cannot
 * be compared. To a client they are opaque except for this: two decimal ones of the same resource type order
 * as integers (KEP-5504). Longer than 2⁵³ is fine: nothing is converted.
 */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (!decimal.test(a) || !decimal.test(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
