import { StringDecoder } from 'node:string_decoder';
import { RegistrarError } from '../../lib/errors.ts';

const quote = 0x22;
const backslash = 0x5c;
const openObject = 0x7b;
const closeObject = 0x7d;
const openArray = 0x5b;
const closeArray = 0x5d;

/** The fields of a list before its items. */
export interface ListHead {
  readonly kind?: string;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

/**
 * Splits a list (`{"kind":…,"metadata":…,"items":[…]}`) into its items while it arrives, so that a page is never whole
 * in memory and never parsed at once: 500 pods of 9 KB would block the event loop for 100 ms.
 *
 * Only brackets and strings are looked at here. The text of each item goes to the caller; the rest, with a 0
 * in each item's place, is parsed as JSON at the end, so a list that is cut short or malformed is noticed.
 */
export class ListScanner {
  readonly #maxItemBytes: number;
  /** Everything outside the items. */
  #envelope = '';
  /** A chunk may end in the middle of a character. */
  readonly #decoder = new StringDecoder('utf8');
  #head: ListHead | undefined;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inItems = false;
  #items = 0;
  /** Bytes of an item that earlier chunks began. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  constructor(maxItemBytes: number) {
    this.#maxItemBytes = maxItemBytes;
  }

  /** The list without its items; undefined until the items begin. */
  get head(): ListHead | undefined {
    return this.#head;
  }

  /** The texts of the items that end in this chunk. Throws `protocol`. */
  push(bytes: Uint8Array): string[] {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const items: string[] = [];
    // Where the text begins that was not taken yet: of an item, or of the envelope.
    let start = 0;
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inString = false;
        continue;
      }
      switch (byte) {
        case quote:
          inString = true;
          break;
        case openObject:
          if (depth === 2 && this.#inItems) {
            this.#envelope += `${this.#decoder.write(chunk.subarray(start, at))}0`;
            start = at;
          }
          depth += 1;
          break;
        case openArray:
          depth += 1;
          if (depth === 2 && this.#head === undefined) {
            this.#envelope += this.#decoder.write(chunk.subarray(start, at + 1));
            start = at + 1;
            this.#inItems = /"items"\s*:\s*\[$/.test(this.#envelope);
            if (this.#inItems) this.#head = parse(`${this.#envelope}]}`);
          }
          break;
        case closeObject:
          depth -= 1;
          if (depth === 2 && this.#inItems) {
            items.push(this.#item(chunk.subarray(start, at + 1)));
            start = at + 1;
          }
          break;
        case closeArray:
          depth -= 1;
          if (depth === 1) this.#inItems = false;
          break;
      }
    }
    [this.#depth, this.#inString, this.#escaped] = [depth, inString, escaped];
    this.#keep(chunk.subarray(start));
    return items;
  }

  /** Throws `protocol` unless what was pushed is one whole list with nothing but objects as its items. */
  end(): void {
    const { items } = parse(this.#envelope);
    if (!Array.isArray(items)) throw malformed('it has no items');
    if (items.length !== this.#items || items.some((item) => item !== 0)) {
      throw malformed('an item is not an object');
    }
  }

  #item(rest: Buffer): string {
    this.#items += 1;
    this.#capped(this.#pendingBytes + rest.length);
    if (this.#pendingBytes === 0) return rest.toString('utf8');
    const text = Buffer.concat([...this.#pending, rest]).toString('utf8');
    this.#pending = [];
    this.#pendingBytes = 0;
    return text;
  }

  #keep(rest: Buffer): void {
    if (rest.length === 0) return;
    if (this.#inItems && this.#depth > 2) {
      this.#pending.push(rest);
      this.#pendingBytes += rest.length;
      this.#capped(this.#pendingBytes);
    } else {
      this.#envelope += this.#decoder.write(rest);
      this.#capped(this.#envelope.length);
    }
  }

  #capped(size: number): void {
    if (size > this.#maxItemBytes) throw malformed(`an item is longer than ${this.#maxItemBytes} bytes`);
  }
}

function parse(text: string): ListHead & { readonly items?: unknown } {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {
    // Without V8's message, which quotes a part of the text.
    throw malformed('it is not JSON');
  }
  throw malformed('it is not an object');
}

const malformed = (why: string) => new RegistrarError('protocol', why);
