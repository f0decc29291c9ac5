import { parseDuration } from './duration.ts';

/**
 * JSON decoded as Go does it: field names in any case, `null` and absence are the zero value, a wrong type
 * or an unknown field refuses the whole body.
 */
export type Decoder<T> = (value: unknown) => T;
export type Decoded<D> = D extends Decoder<infer T> ? T : never;

export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

const cannot = (value: unknown, type: string): DecodeError =>
  new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type ${type}`);

export const text: Decoder<string> = (value) => {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw cannot(value, 'string');
  return value;
};

export const integer: Decoder<number> = (value) => {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw cannot(value, 'int');
  return value;
};

export const flag: Decoder<boolean> = (value) => {
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw cannot(value, 'bool');
  return value;
};

/** Base64, or null for no value. */
export const bytes: Decoder<string | null> = (value) => {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') throw cannot(value, '[]uint8');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value) || value.length % 4 !== 0) {
    throw new DecodeError('illegal base64 data at input byte 0');
  }
  return value === '' ? null : value;
};

/** A Go duration (`10s`) or nanoseconds, in milliseconds. */
export const duration: Decoder<number> = (value) => {
  if (value === undefined || value === null || value === '') return 0;
  if (typeof value === 'number') return value / 1e6;
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms === undefined) throw new DecodeError(`time: invalid duration ${JSON.stringify(value)}`);
  return ms;
};

/** Taken as it is, whatever it is: what the sandbox does not look into. */
export const anything: Decoder<unknown> = (value) => value;

export const listOf =
  <T>(of: Decoder<T>): Decoder<readonly T[] | null> =>
  (value) => {
    if (value === undefined || value === null) return null;
    if (!Array.isArray(value)) throw cannot(value, 'slice');
    return value.map(of);
  };

/** Keys in order, as Go writes a map. */
export const mapOf =
  <T>(of: Decoder<T>): Decoder<Readonly<Record<string, T>> | null> =>
  (value) => {
    if (value === undefined || value === null) return null;
    if (typeof value !== 'object' || Array.isArray(value)) throw cannot(value, 'map');
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, item]) => [key, of(item)]));
  };

/** A pointer: undefined when absent or null. */
export const optional =
  <T>(of: Decoder<T>): Decoder<T | undefined> =>
  (value) =>
    value === undefined || value === null ? undefined : of(value);

type Fields = Readonly<Record<string, Decoder<unknown>>>;
type Struct<F extends Fields> = { readonly [K in keyof F]: Decoded<F[K]> };

/** An object with exactly these fields; `ignoreUnknown` is for the few types Consul decodes itself. */
export function struct<F extends Fields>(fields: F, ignoreUnknown = false): Decoder<Struct<F>> {
  const names = new Map(Object.keys(fields).map((name) => [name.toLowerCase(), name]));
  return (value) => {
    if (value !== undefined && value !== null && (typeof value !== 'object' || Array.isArray(value))) {
      throw cannot(value, 'struct');
    }
    const given = new Map<string, unknown>();
    for (const [key, item] of Object.entries(value ?? {})) {
      const name = names.get(key.toLowerCase());
      if (name !== undefined) given.set(name, item);
      else if (!ignoreUnknown) throw new DecodeError(`json: unknown field ${JSON.stringify(key)}`);
    }
    const result: Record<string, unknown> = {};
    for (const [name, decode] of Object.entries(fields)) result[name] = decode(given.get(name));
    return result as Struct<F>;
  };
}

/** Throws a DecodeError with Go's text where it is simple enough to be the same. */
export function decodeJson<T>(body: Uint8Array, decode: Decoder<T>): T {
  const source = Buffer.from(body).toString('utf8');
  if (source.trim() === '') throw new DecodeError('EOF');
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (thrown) {
    const cut = thrown instanceof Error && thrown.message.includes('end of JSON');
    throw new DecodeError(cut ? 'unexpected EOF' : 'invalid character in JSON');
  }
  return decode(value);
}
