/**
 * Readers for parts of an object as the API server sent it. The types say what the API promises, but a custom resource
 * holds whatever its definition in the cluster allows. What is missing, or null, is empty. A value of another type
 * makes the object one that cannot be read, which is left as it was (see Projector); in a record it would stop all
 * that is computed together with it.
 */
import { cutToBytes } from '../../lib/cut-to-bytes.ts';

type Missing = null | undefined;

/** `at`: where it stands, `spec.hostnames`. */
export function text(at: string, value: string | Missing): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw wrong(at, value, 'text');
  return value;
}

/** A text of at most so many bytes. */
export const shortText = (at: string, value: string | Missing, bytes: number): string =>
  cutToBytes(text(at, value), bytes);

/** The number of a port. */
export function port(at: string, value: number | Missing): number {
  if (!Number.isInteger(value) || value! < 1 || value! > 65_535)
    throw wrong(at, value, 'the number of a port');
  return value!;
}

/** The same; 0 for none. */
export const optionalPort = (at: string, value: number | Missing): number => (value ? port(at, value) : 0);

/** At most so many items of a list. Default: all. */
export function list<Item>(
  at: string,
  value: readonly Item[] | Missing,
  most = Number.POSITIVE_INFINITY,
): readonly Item[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong(at, value, 'a list');
  return value.length > most ? value.slice(0, most) : value;
}

/** Labels of an object. */
export function labels(value: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const key in value) {
    if (typeof value[key] !== 'string') throw wrong('metadata.labels', value[key], 'text');
  }
  return value;
}

function wrong(at: string, value: unknown, expected: string): TypeError {
  const found = Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : String(value);
  return new TypeError(`${at} holds ${found.slice(0, 60)} instead of ${expected}`);
}
