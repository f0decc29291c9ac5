import { RegistrarError } from '../../lib/errors.ts';

const newline = 0x0a;

/**
 * The complete lines of a body; each value holds the lines that one chunk completes. A rest after the last newline is
 * dropped, for it is an incomplete event. Rejects with `protocol` on a line above `maxBytes`, so that a faulty server
 * cannot fill the memory.
 */
export async function* completeLines(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<readonly string[], void> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const bytes of body) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      capped(pendingBytes + end - start, maxBytes);
      lines.push(
        pendingBytes === 0
          ? chunk.toString('utf8', start, end)
          : Buffer.concat([...pending, chunk.subarray(start, end)]).toString('utf8'),
      );
      if (pendingBytes > 0) [pending, pendingBytes] = [[], 0];
      start = end + 1;
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
      pendingBytes += chunk.length - start;
      capped(pendingBytes, maxBytes);
    }
    if (lines.length > 0) yield lines;
  }
}

function capped(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new RegistrarError('protocol', `a line is longer than ${maxBytes} bytes`);
}
