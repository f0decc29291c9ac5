import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { folded, glob } from './glob.ts';

const fits = (pattern: string, text: string): boolean => glob(pattern)(folded(text));

describe('glob()', () => {
  test('takes * for any text, and the rest as it is written', () => {
    assert.ok(fits('urlprefix-*', 'urlprefix-/a'));
    assert.ok(fits('urlprefix-*', 'urlprefix-'));
    assert.ok(!fits('urlprefix-*', 'x-urlprefix-'));
    assert.ok(fits('traefik.*', 'traefik.enable=true'));
    assert.ok(!fits('traefik.*', 'traefikXenable'), 'a dot is a dot');
    assert.ok(fits('*', ''));
    assert.ok(fits('*.rule=*', 'traefik.http.routers.x.rule=Host(`a`)'));
    assert.ok(!fits('ab*ba', 'aba'), 'the parts do not overlap');
    assert.ok(fits('a', 'a') && !fits('a', 'ab'));
  });

  test('does not look at case, nor at letters that Go takes for others', () => {
    assert.ok(fits('URLprefix-*', 'urlPREFIX-x'));
    assert.ok(fits('consul', 'con\u017ful'), 'a long s');
    assert.ok(fits('kube', '\u212aube'), 'the sign for kelvin');
  });

  test('is what the regular expression would be', () => {
    const text = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 7 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, (pattern, plain) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(plain.replaceAll('*', 'b'));
        assert.equal(fits(pattern, plain.replaceAll('*', 'b')), expected);
      }),
      { numRuns: 500 },
    );
  });
});
