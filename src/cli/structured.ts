import { stringify } from 'yaml';
import { visibleLines } from '../lib/visible.ts';

export type Structure = 'json' | 'yaml';

/** A value for scripts, with a line feed at its end. What is undefined is null, so that every key is there. */
export function structured(value: unknown, as: Structure): string {
  const whole: unknown = JSON.parse(JSON.stringify(value, (_key, part: unknown) => part ?? null));
  const text =
    as === 'json'
      ? `${JSON.stringify(whole, undefined, 2)}\n`
      : // In quotes, escapes mean the same as in JSON.
        stringify(whole, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0 });
  return visibleLines(text);
}
