import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { completeLines } from './lines.ts';

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part;
}

async function all(body: AsyncIterable<Uint8Array>, maxBytes = 1_000): Promise<string[]> {
  const lines: string[] = [];
  for await (const batch of completeLines(body, maxBytes)) lines.push(...batch);
  return lines;
}

describe('completeLines()', () => {
  test('drops what follows the last newline', async () => {
    assert.deepEqual(await all(chunks('a\nb\nhal', 'f')), ['a', 'b']);
  });

  test('gives the same lines however the body is cut, also in the middle of a character', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', ''))),
        fc.array(fc.nat()),
        async (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const positions = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
          const parts = [0, ...positions].map((start, index) => bytes.subarray(start, positions[index]));
          assert.deepEqual(
            await all(chunks(...parts)),
            lines.map((line) => Buffer.from(line).toString()),
          );
        },
      ),
    );
  });

  test('rejects with protocol on a line above the cap, complete or not', async () => {
    await assert.rejects(all(chunks('a\n', 'x'.repeat(11), '\n'), 10), { code: 'protocol' });
    await assert.rejects(all(chunks('x'.repeat(6), 'x'.repeat(6)), 10), { code: 'protocol' });
    await assert.rejects(all(chunks(`${'x'.repeat(11)}\n`), 10), { code: 'protocol' });
    assert.deepEqual(await all(chunks('x'.repeat(5), 'x'.repeat(5), '\n'), 10), ['x'.repeat(10)]);
  });

  test('leaves the body when the reader does', async () => {
    let left = false;
    const body = (async function* () {
      try {
        yield Buffer.from('a\n');
        yield Buffer.from('b\n');
      } finally {
        left = true;
      }
    })();
    for await (const _ of completeLines(body, 10)) break;
    assert.equal(left, true);
  });
});
