import { didYouMean, quote } from './mistake.ts';

/** The fields of one declaration: annotations of their own, or keys of an entry of `services`. */
export const fields = [
  'service',
  'port',
  'tags',
  'protocol',
  'health-url',
  'weight',
  'weight-warning',
  'address',
  'check',
  'check-http',
  'check-tcp',
  'check-grpc',
  'check-interval',
  'check-timeout',
  'deregister-critical-after',
  'drain',
  'warmup',
  'maintenance',
] as const;

export type Field = (typeof fields)[number];

export const metaPrefix = 'meta.';
export const servicesField = 'services';

const known: ReadonlySet<string> = new Set(fields);

/** In bytes: longer than any value may be once its placeholders are filled in, as many names of placeholders are. */
const longestValue = 640;
const longestTags = 4_096;
const longestServices = 8_192;

/** How long a field may be as it is written, in bytes. What is longer is not read. */
export function longestText(name: string): number {
  if (name === servicesField) return longestServices;
  return name === 'tags' ? longestTags : longestValue;
}

export const tooLong = (name: string): string => `${name} is longer than ${longestText(name)} bytes`;

/** Whether a declaration may have it: a field by name, or `meta.<key>`. */
export const isField = (name: string): boolean => known.has(name) || name.startsWith(metaPrefix);

/** What to say about a name that is no field. */
export function unknownField(name: string, what: 'annotation' | 'field'): string {
  const candidates = what === 'annotation' ? [...fields, servicesField] : fields;
  const hint = /^meta(?:[/_-]|$)/.test(name) ? `; did you mean "meta.<key>"?` : didYouMean(name, candidates);
  return `unknown ${what} ${quote(name)} is ignored${hint}`;
}
