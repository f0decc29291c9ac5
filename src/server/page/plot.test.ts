import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plot } from './plot.ts';

const noon = Date.parse('2026-01-01T12:00:00.000Z');
const drawn = (values: readonly (number | undefined)[]) => {
  const times = values.map((_, at) => noon - (values.length - 1 - at) * 900_000);
  return plot({
    title: 'Waiting',
    times,
    lines: [{ name: 'nodes', values }],
    format: (value) => `${value} n`,
  }).text;
};
const pathOf = (text: string) => /<path class="one" d="([^"]*)"/.exec(text)?.[1];

describe('plot()', () => {
  test('draws an hour from left to right, the greatest value near the top', () => {
    const text = drawn([0, 5, 10, 20, 10]);
    assert.equal(pathOf(text), 'M0 60h0L60 45L120 30L180 0L240 30');
    assert.match(text, /<span class="top"><span>20 n<\/span>/);
    assert.match(text, /<span>11:00<\/span><span>12:00 UTC<\/span>/);
  });

  test('draws each of the values of an hour', () => {
    const values = Array.from({ length: 240 }, (_, at) => 1 + (at % 99));
    const times = values.map((_, at) => noon - (values.length - 1 - at) * 14_987);
    const { text } = plot({ title: 'Waiting', times, lines: [{ name: 'nodes', values }], format: String });
    assert.equal(pathOf(text)?.match(/[ML][\d.]+ [\d.]+/g)?.length, 240);
    assert.match(pathOf(text) ?? '', /^M[^…]*L240 [\d.]+$/);
  });

  test('leaves a gap where there is no value, and draws a single value as a dot', () => {
    assert.equal(pathOf(drawn([1, undefined, 1])), 'M120 0h0M240 0h0');
    assert.equal(pathOf(drawn([undefined])), '');
  });

  test('says the latest and the greatest value for those who do not see the picture', () => {
    const text = drawn([3, 7, 2]);
    assert.match(text, /aria-label="Waiting in the last hour: nodes is 2 n, at most 7 n"/);
    assert.match(text, /<span class="key one">nodes 2 n<\/span>/);
    assert.match(drawn([undefined]), /nodes has no value/);
  });

  test('a long duration does not hide short ones', () => {
    const lines = [{ name: 'p50', values: [1, 10, 100] }];
    const times = [noon - 1_800_000, noon - 900_000, noon];
    const text = plot({ title: 'Time', times, lines, logarithmic: true, format: (ms) => `${ms} ms` }).text;
    assert.equal(pathOf(text), 'M120 60h0L180 30L240 0');
    assert.match(text, /from 1 ms, logarithmic/);
  });

  test('its scale ends at a round number', () => {
    for (const [greatest, top] of [
      [0, 1],
      [0.3, 1],
      [1.5, 2],
      [34, 50],
      [501, 1_000],
      [50_000, 50_000],
    ] as const) {
      assert.ok(drawn([greatest]).includes(`<span class="top"><span>${top} n</span>`), `${greatest}`);
    }
  });
});
