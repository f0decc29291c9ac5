/**
 * Whether a text, `folded()`, fits a pattern in which every `*` stands for any text, also none. Case does not
 * matter, as in Consul's look-ups.
 *
 * Each part between two stars is looked for once, from where the last one ended: no pattern makes it go back.
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

/** Equal for texts that differ in case only. Both ways, because `ſ` is an `s` and `K` a `k` for Go's comparison. */
export const folded = (text: string): string => text.toUpperCase().toLowerCase();
