import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { suggest } from './suggest.ts';

describe('suggest()', () => {
  const keys = ['addresses', 'token', 'tokenFile', 'caFile', 'verify'];

  for (const [word, meant] of [
    ['adresses', 'addresses'],
    ['tokne', 'token'],
    ['tokenfile', 'tokenFile'],
    ['cafile', 'caFile'],
    ['verfy', 'verify'],
  ] as const) {
    test(`takes ${word} for ${meant}`, () => assert.equal(suggest(word, keys), meant));
  }

  test('is silent when nothing is near', () => {
    assert.equal(suggest('password', keys), undefined);
    assert.equal(suggest('x', []), undefined);
  });

  test('finds what a complete comparison finds', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 24 });
    fc.assert(
      fc.property(letters, fc.array(letters, { maxLength: 20 }), (word, candidates) => {
        assert.equal(suggest(word, candidates), nearest(word, candidates));
      }),
      { numRuns: 1_000 },
    );
  });

  test('compares as many candidates as it may, and none that is too long', () => {
    let read = 0;
    const candidates = (function* () {
      for (;;) {
        read += 1;
        yield `label-${read}-aaaa`;
      }
    })();
    assert.equal(suggest('zzzzz-zzzzzzz', candidates, 50), undefined);
    assert.ok(read <= 60, `${read} candidates were read`);
    assert.equal(suggest('a'.repeat(101), ['a'.repeat(101)]), undefined);
    assert.equal(suggest('a'.repeat(100), ['a'.repeat(101), 'a'.repeat(99)]), 'a'.repeat(99));
  });

  test('finds a candidate in itself, whatever the text', () => {
    fc.assert(fc.property(fc.string(), (word) => suggest(word, [word]) === word));
  });
});

/** Optimal string alignment, all of it. */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array<number>(b.length).fill(0)]);
  rows[0] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = cost;
    }
  }
  return rows[a.length]![b.length]!;
}

function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const allowed = Math.min(6, Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3)));
    const found = distance(word, candidate);
    if (found <= allowed && found < bestDistance) [best, bestDistance] = [candidate, found];
  }
  return best;
}
