import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { labelSelector, labelSelectorMistake } from './label-selector.ts';

describe('labelSelectorMistake()', () => {
  test('takes what the API server takes', () => {
    const right = [
      '',
      'consul=yes',
      'consul == yes, tier!=back',
      'tier in (front, back),consul',
      'tier notin (front,)',
      '!consul',
      'example.com/part-of=shop.v2',
      'generation>3,generation < 10',
      'empty=',
    ];
    for (const selector of right) assert.equal(labelSelectorMistake(selector), undefined, selector);
  });

  test('says what is wrong with the rest', () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['tier in (front', /"tier in \(front" is not a requirement; write "key=value"/],
      ['consul=yes,', /nothing next to a comma/],
      ['consul:yes', /"consul:yes" is not a label key/],
      ['consul yes', /"consul yes" is not a requirement/],
      ['tier in (front, -back)', /"-back" is not a label value/],
      ['a=b c', /"b c" is not a label value/],
      ['a/b/c=d', /"a\/b\/c" is not a label key/],
      ['Upper.Case/a=b', /"Upper\.Case\/a" is not a label key/],
      ['generation>three', /"three" is not a whole number/],
      [`${'x'.repeat(64)}=1`, /at most 63/],
      ['=yes', /"=yes" is not a requirement/],
      ['!', /"" is not a label key/],
    ];
    for (const [selector, message] of wrong) assert.match(labelSelectorMistake(selector) ?? '', message);
  });
});

describe('labelSelector()', () => {
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, boolean])[] = [
    ['', {}, true],
    ['consul=yes', { consul: 'yes' }, true],
    ['consul==yes', { consul: 'no' }, false],
    ['consul!=yes', {}, true],
    ['consul!=yes', { consul: 'yes' }, false],
    ['tier in (front, back), consul', { tier: 'back', consul: '' }, true],
    ['tier in (front, back)', {}, false],
    ['tier notin (front)', {}, true],
    ['tier notin (front)', { tier: 'front' }, false],
    ['!consul', { consul: '' }, false],
    ['!consul', {}, true],
    ['empty=', { empty: '' }, true],
    ['empty=', {}, false],
    ['generation>3', { generation: '10' }, true],
    ['generation<3', { generation: 'ten' }, false],
    ['toString', {}, false],
  ];
  for (const [text, labels, expected] of cases) {
    test(`${text || 'an empty one'} ${expected ? 'selects' : 'leaves out'} ${JSON.stringify(labels)}`, () => {
      assert.equal(labelSelector(text)(labels), expected);
    });
  }
});
