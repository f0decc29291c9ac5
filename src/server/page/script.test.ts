import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from 'node:vm';
import { pageScript } from './script.ts';

test('the script of the pages is whole, and makes no code of text', () => {
  new Script(pageScript);
  assert.doesNotMatch(pageScript, /\beval\b|new Function|document\.write|insertAdjacentHTML/);
});
