/** Longer words are not compared: names are hardly longer, and the work grows with the length. */
const longestWord = 100;
/** More wrong letters than this are no typing error. */
const mostWrong = 6;

/**
 * The candidate that `word` was most likely meant to be, for "did you mean …?". Undefined when none is near: at
 * most a third of the letters may differ, and at most six. Two swapped neighbours count as one; case does not count.
 *
 * `most`: how many candidates of a similar length are compared. It bounds the work when strangers choose the
 * candidates. Default: all.
 */
export function suggest(
  word: string,
  candidates: Iterable<string>,
  most = Number.POSITIVE_INFINITY,
): string | undefined {
  if (word.length > longestWord) return undefined;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  let compared = 0;
  for (const candidate of candidates) {
    const allowed = Math.min(mostWrong, Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3)));
    if (candidate.length > longestWord || Math.abs(word.length - candidate.length) > allowed) continue;
    compared += 1;
    if (compared > most) break;
    const limit = Math.min(allowed, bestDistance - 1);
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), limit);
    if (distance !== undefined) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/**
 * Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. Undefined when there are
 * more than `limit`. Only the cells within `limit` of the diagonal are looked at: elsewhere the distance is larger.
 */
export function editDistance(a: string, b: string, limit: number): number | undefined {
  const far = limit + 1;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => Math.min(j, far));
  for (let i = 1; i <= a.length; i += 1) {
    const current: number[] = new Array(b.length + 1).fill(far);
    if (i <= limit) current[0] = i;
    let least = current[0]!;
    const end = Math.min(b.length, i + limit);
    for (let j = Math.max(1, i - limit); j <= end; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforePrevious[j - 2]! + 1);
      }
      current[j] = Math.min(cost, far);
      least = Math.min(least, current[j]!);
    }
    if (least > limit) return undefined;
    [beforePrevious, previous] = [previous, current];
  }
  const distance = previous[b.length]!;
  return distance > limit ? undefined : distance;
}
