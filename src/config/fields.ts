import * as z from 'zod';
import { labelSelectorMistake } from '../desired/label-selector.ts';
import { parseDuration } from '../lib/duration.ts';
import { Secret } from '../lib/secret.ts';

/**
 * The kinds of values a configuration is made of. Messages say what is wrong and, after a semicolon, what to do;
 * the caller puts the place in front.
 */

const dayMs = 86_400_000;

/** What parseDuration() reads, for the JSON Schema: Helm refuses the rest before anything is installed. */
export const durationPattern = '^(0|(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$';

/**
 * A duration, read into milliseconds. `leastMs` keeps a typing error from becoming a busy loop. The most is a day,
 * because a timer beyond 24.8 days would fire at once.
 */
export function duration(initial: string, leastMs: number, description: string) {
  return z
    .string()
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms !== undefined && ms >= leastMs && ms <= dayMs) return ms;
      const message =
        ms === undefined
          ? `${quote(text)} is not a duration; write a number with a unit, such as "${initial}" or "1m30s"`
          : ms > dayMs
            ? `${quote(text)} is too long; at most "24h"`
            : `${quote(text)} is too short; at least "${leastMs < 1_000 ? `${leastMs}ms` : `${leastMs / 1_000}s`}"`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .prefault(initial)
    .meta({ description, default: initial, examples: [initial], pattern: durationPattern });
}

/** A number as a variable of the environment may hold it. */
export const numeral = /^\s*-?\d+(\.\d+)?\s*$/;

/** A number within bounds, whole or not. */
export function number(
  initial: number,
  { least, most, whole = false }: { readonly least: number; readonly most: number; readonly whole?: boolean },
  description: string,
) {
  const form = `a ${whole ? 'whole ' : ''}number between ${least} and ${most}`;
  const error = ({ input }: { readonly input?: unknown }) => {
    if (typeof input === 'number') return `${input} is not ${form}`;
    if (typeof input !== 'string') return `must be ${form}, not ${kindOf(input)}`;
    // The environment's numbers are read as such: only a file puts one in quotes.
    return numeral.test(input)
      ? `${quote(input)} is text; write ${form} without quotes`
      : `${quote(input)} is not ${form}`;
  };
  const base = whole ? z.int({ error }) : z.number({ error });
  return base.min(least, { error }).max(most, { error }).default(initial).meta({ description });
}

/** Text of a given form; `form` says in words what that is. */
export function text(pattern: RegExp, form: string) {
  return z.string().regex(pattern, { error: (issue) => `${quote(String(issue.input))} is not ${form}` });
}

export const dnsLabel = text(
  /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  'a DNS label; use lower-case letters, digits and hyphens, at most 63',
);

// Without look-ahead for the length: Helm reads these patterns too, and Go's regular expressions have none.
export const dnsSubdomain = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;

export const namespaceOrAll = text(
  /^(\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$/,
  'a namespace; write its name, or "*" for every namespace',
);

/** Text that is not empty. */
export const filled = z.string().min(1, { error: 'is empty; give a value or remove the key' });

/** Text in which something is wrong, if `mistakeOf` says so. */
export const checked = (mistakeOf: (text: string) => string | undefined) =>
  filled.superRefine((value, context) => {
    const message = mistakeOf(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

/** Text that may be absent, but not empty. */
export function optional(description: string, example?: string) {
  return filled.optional().meta({ description, ...(example === undefined ? {} : { examples: [example] }) });
}

/** A label selector that may be absent. */
export const selector = (description: string, example: string) =>
  checked(labelSelectorMistake)
    .optional()
    .meta({ description, examples: [example] });

/** Like optional(), and never shown. */
export function secret(description: string) {
  return filled
    .transform((value) => new Secret(value))
    .optional()
    .meta({ description, writeOnly: true });
}

/** What a value is, in words. */
export function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}

/** A value for an error message: in quotes, cut when it is long. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 79)}…` : value);
}
