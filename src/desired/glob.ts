/**
 * Whether a `folded()` text matches a pattern in which every `*` stands for any text, also an empty one. Case does
 * not matter, as in look-ups by Consul.
 *
 * Each part between two stars is searched once, from the end of the last match: no pattern causes backtracking.
 */
export function glob(pattern: string): (foldedText: string) => boolean {
  const [first = '', ...rest] = folded(pattern).split('*');
  const last = rest.pop();
  if (last === undefined) return (text) => text === first;
  return (text) => {
    if (!text.startsWith(first)) return false;
    let at = first.length;
    for (const part of rest) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return text.length - last.length >= at && text.endsWith(last);
  };
}

/**
 * Equal for texts that differ in case only. Both conversions are needed, because Go's comparison treats `ſ` as `s`
 * and `K` as `k`.
 */
export const folded = (text: string): string => text.toUpperCase().toLowerCase();
