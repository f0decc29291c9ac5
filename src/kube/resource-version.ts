const decimal = /^[1-9][0-9]*$/;

/**
 * Compares two resourceVersions of the same resource type: negative when `a` is older than `b`, 0 when they are
 * equal, undefined when they cannot be compared. Only decimal versions can, as integers (KEP-5504); otherwise they are
 * opaque to a client. Versions above 2⁵³ are compared correctly, as text.
 */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (!decimal.test(a) || !decimal.test(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
