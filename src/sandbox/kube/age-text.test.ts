import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ageText } from './age-text.ts';

test('ageText() is as exact as kubectl', () => {
  const ages: readonly (readonly [string, string])[] = [
    ['0', '0s'],
    ['-5', '0s'],
    ['119', '119s'],
    ['120', '2m'],
    ['312', '5m12s'],
    ['600', '10m'],
    ['10800', '3h'],
    ['13500', '3h45m'],
    ['100000', '27h'],
    ['187200', '2d4h'],
    ['900000', '10d'],
  ];
  assert.deepEqual(
    ages.map(([seconds]) => [seconds, ageText(Number(seconds) * 1_000)]),
    ages,
  );
});
