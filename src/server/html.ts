import { cutToBytes } from '../lib/cut-to-bytes.ts';
import { visible } from '../lib/visible.ts';

/** In bytes: more than any text that the operator makes. What others write into Consul may be of any length. */
const longestValue = 2_000;

/** Text that is HTML already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = Html | string | number | readonly Value[];

/** A template whose values are escaped, and cut when long, unless they are Html; lists are joined. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(
    strings.map((part, index) => part + (index < values.length ? render(values[index]!) : '')).join(''),
  );
}

function render(value: Value): string {
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(render).join('');
  return visible(cutToBytes(String(value), longestValue)).replace(
    /[&<>"']/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}
