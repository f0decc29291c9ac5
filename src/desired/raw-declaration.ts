import type { Mistake } from './mistake.ts';

/** One declaration as written: fields by name, values not looked at yet. */
export interface RawDeclaration {
  /** Where it stands: empty for plain annotations, `services[1]` for an entry of the list. */
  readonly at: string;
  /** Values by field, `meta.<key>` included, `tags` not. */
  readonly fields: ReadonlyMap<string, string>;
  readonly tags: readonly string[];
  /** What is wrong with its form. */
  readonly mistakes: readonly Mistake[];
}

/** The full name of a field: `port`, `services[1].port`. */
export const fieldOf = (raw: Pick<RawDeclaration, 'at'>, name: string): string =>
  raw.at === '' ? name : `${raw.at}.${name}`;
