import type { StringMap } from './rows.ts';
import { StoreError } from './store-error.ts';

const maxPairs = 64;
const maxKey = 128;
const maxValue = 512;
const reserved = 'consul-';

/** Refuses service meta that Consul refuses: over 64 keys, a bad or long key, a value over 512 bytes. */
export function validateMeta(meta: StringMap | null): void {
  const pairs = Object.entries(meta ?? {});
  if (pairs.length > maxPairs) {
    throw new StoreError(`Node metadata cannot contain more than ${maxPairs} key/value pairs`);
  }
  for (const [key, value] of pairs) {
    const wrong = wrongPair(key, value);
    if (wrong !== undefined) {
      throw new StoreError(`Couldn't load metadata pair ('${key}', '${value}'): ${wrong}`);
    }
  }
}

function wrongPair(key: string, value: string): string | undefined {
  if (key === '') return 'Key cannot be blank';
  if (!/^[a-zA-Z0-9_-]+$/.test(key)) return 'Key contains invalid characters';
  if (key.length > maxKey) return `Key is too long (limit: ${maxKey} characters)`;
  if (key.startsWith(reserved)) return `Key prefix '${reserved}' is reserved for internal use`;
  if (Buffer.byteLength(value) > maxValue) return `Value is too long (limit: ${maxValue} characters)`;
  return undefined;
}
