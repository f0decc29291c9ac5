/**
 * Characters that act instead of being seen: controls (C0, DEL, C1: a terminal obeys them), line and paragraph
 * separators (they begin a line in some viewers), marks of writing direction (they reorder the text around them,
 * Trojan Source, CVE-2021-42574), and halves of surrogate pairs (no UTF-8 can carry them).
 */
const unseen = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Foreign text for a log, a terminal, an Event or a page: what would act is written as an escape of JSON,
 * `\u001b`. The text of a JSON value, which holds such characters only within its strings, means the same
 * afterwards.
 */
export function visible(text: string): string {
  return text.replace(unseen, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same for a text of several lines: its own line feeds stay. */
export const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n');
