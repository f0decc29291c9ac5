import { suggest } from '../lib/suggest.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';

/** A mistake in an object's annotations, without the object. */
export interface Mistake {
  /** The annotation without the prefix: `port`, `services[1].meta.team`. */
  readonly field: string;
  readonly message: string;
  readonly severity: 'error' | 'warning';
}

/** The result of reading a value: the value, or why it was refused. */
export type Read<T> = { readonly value: T } | { readonly refused: string };

/** The message, or a function that makes it: of thousands of mistakes only a few are reported, see `toProblems()`. */
type Message = string | (() => string);

export const error = (field: string, message: Message): Mistake => mistake(field, message, 'error');
export const warning = (field: string, message: Message): Mistake => mistake(field, message, 'warning');

function mistake(field: string, message: Message, severity: Mistake['severity']): Mistake {
  if (typeof message === 'string') return { field, message, severity };
  return {
    field,
    severity,
    get message() {
      return message();
    },
  };
}

export const hasError = (mistakes: readonly Mistake[]): boolean =>
  mistakes.some(({ severity }) => severity === 'error');

const quotedLength = 60;

/** A user's text for a message: quoted, with control characters escaped, and cut when long. */
export const quote = (text: string): string => JSON.stringify(cut(text, quotedLength));

/** At most `length` UTF-16 units of the text, with `…` when cut; no character is split. */
function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length).replace(/[\ud800-\udbff]$/, '')}…` : text;
}

/** With more names than this, a hint is not worth the search. */
const mostCandidates = 50;

/** `; did you mean "http"?`, or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = suggest(word, candidates, mostCandidates);
  return meant === undefined ? '' : `; did you mean ${quote(meant)}?`;
}

/** Thousands of annotations must not become thousands of Events. */
const reportedMistakes = 20;
/** In characters; an Event's note may have 1 KiB, the object's name included. */
const longestMessage = 600;
const longestField = 160;

/** A mistake, or another reason why a registration is refused. */
export type Complaint = Mistake & { readonly reason?: Problem['reason'] };

/** The problems of one object. A flood is cut, and a last problem counts the rest. */
export function toProblems(object: ObjectRef, complaints: readonly Complaint[]): Problem[] {
  // Errors come first so that the cut hides warnings before it hides why nothing is registered.
  const ordered = [...complaints.filter(isError), ...complaints.filter((each) => !isError(each))];
  const problems = ordered.slice(0, reportedMistakes).map(
    ({ reason = 'InvalidAnnotation', field, message, severity }): Problem => ({
      object,
      reason,
      field: cut(field, longestField),
      message: cut(message, longestMessage),
      severity,
    }),
  );
  const hidden = ordered.slice(reportedMistakes);
  if (hidden.length > 0) {
    const severity = hidden.some(isError) ? 'error' : 'warning';
    const message = hidden.length === 1 ? 'and 1 more mistake' : `and ${hidden.length} more mistakes`;
    problems.push({ object, reason: 'InvalidAnnotation', field: '', message, severity });
  }
  return problems;
}

const isError = ({ severity }: Mistake): boolean => severity === 'error';
