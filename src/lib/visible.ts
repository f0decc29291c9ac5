/**
 * Characters with an effect instead of a shape: control characters (C0, DEL, C1: a terminal obeys them), line and
 * paragraph separators (some viewers begin a line there), marks of writing direction (they reorder the text around
 * them: Trojan Source, CVE-2021-42574), and halves of surrogate pairs (UTF-8 has no form for them).
 */
const unseen = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Makes foreign text safe for a log, a terminal, an Event or a page: writes such characters as JSON escapes,
 * `\u001b`. The text of a JSON value means the same afterwards, for it holds them only within its strings.
 */
export function visible(text: string): string {
  return text.replace(unseen, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same for a text of several lines: it keeps its line feeds. */
export const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n');
