import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { redacted, redactedAnswer } from './redacted.ts';
import { type HttpRequest, readText } from './transport.ts';

const { signal } = new AbortController();

const answer = (status: number, text: string) => ({
  status,
  headers: {},
  body: (async function* () {
    // In two halves: what is cut out may lie across.
    const bytes = Buffer.from(text);
    yield bytes.subarray(0, bytes.length >> 1);
    yield bytes.subarray(bytes.length >> 1);
  })(),
});

const told = (headers: HttpRequest['headers'], status: number, text: string): Promise<string> =>
  readText(
    redactedAnswer(
      { method: 'GET', path: '/', signal, ...(headers === undefined ? {} : { headers }) },
      answer(status, text),
    ),
  );

describe('redactedAnswer()', () => {
  test('cuts credentials of the request out of an error, whatever the case of the header', async () => {
    assert.equal(await told({ 'X-Consul-Token': 'abc' }, 403, 'no abc, abc!'), 'no [redacted], [redacted]!');
    assert.equal(await told({ authorization: 'Bearer abc' }, 500, '{"t":"abc"}'), '{"t":"[redacted]"}');
  });

  test('leaves other answers, other headers and requests without credentials alone', async () => {
    assert.equal(await told({ 'x-consul-token': 'abc' }, 200, 'abc'), 'abc');
    assert.equal(await told({ accept: 'abc' }, 403, 'abc'), 'abc');
    assert.equal(await told({ 'x-consul-token': '' }, 403, 'abc'), 'abc');
    assert.equal(await told(undefined, 403, 'abc'), 'abc');
  });
});

test('redacted() cuts out every one of several secrets', () => {
  assert.equal(redacted('a b c', ['a', 'c']), '[redacted] b [redacted]');
});
