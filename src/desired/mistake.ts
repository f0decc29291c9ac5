import { suggest } from '../lib/suggest.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';

/** Something wrong in an object's annotations, before it is known which object it is about. */
export interface Mistake {
  /** The annotation without the prefix: `port`, `services[1].meta.team`. */
  readonly field: string;
  readonly message: string;
  readonly severity: 'error' | 'warning';
}

/** What reading a value came to: the value, or why it was refused. */
export type Read<T> = { readonly value: T } | { readonly refused: string };

export const error = (field: string, message: string): Mistake => ({ field, message, severity: 'error' });
export const warning = (field: string, message: string): Mistake => ({ field, message, severity: 'warning' });

export const hasError = (mistakes: readonly Mistake[]): boolean =>
  mistakes.some((mistake) => mistake.severity === 'error');

const quotedLength = 60;

/** A user's text in a message: quoted, control characters escaped, cut when long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > quotedLength ? `${text.slice(0, quotedLength)}…` : text);
}

/** `; did you mean "http"?`, or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = suggest(word, candidates);
  return meant === undefined ? '' : `; did you mean ${quote(meant)}?`;
}

/** Thousands of annotations must not become thousands of Events. */
const reportedMistakes = 20;
/** In characters; an Event's note may have 1 KiB, the object's name included. */
const longestMessage = 600;
const longestField = 160;

/** The mistakes of one object, with the object; a flood is cut with a word about the rest. */
export function toProblems(object: ObjectRef, mistakes: readonly Mistake[]): Problem[] {
  // Errors come first so that the cut hides warnings before it hides why nothing is registered.
  const ordered = [...mistakes.filter(isError), ...mistakes.filter((mistake) => !isError(mistake))];
  const problems = ordered.slice(0, reportedMistakes).map(({ field, message, severity }): Problem => {
    const cut = { field: field.slice(0, longestField), message: message.slice(0, longestMessage) };
    return { object, reason: 'InvalidAnnotation', ...cut, severity };
  });
  const hidden = ordered.slice(reportedMistakes);
  if (hidden.length > 0) {
    const severity = hidden.some(isError) ? 'error' : 'warning';
    const message = `${hidden.length} more mistakes are not listed`;
    problems.push({ object, reason: 'InvalidAnnotation', field: '', message, severity });
  }
  return problems;
}

function isError(mistake: Mistake): boolean {
  return mistake.severity === 'error';
}
