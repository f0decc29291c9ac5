import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpRequest, Transport } from '../lib/transport.ts';
import { SeparateTransport } from './separate-transport.ts';

test('SeparateTransport sends writes, reads and waits over connections of their own, and closes all', async () => {
  const seen: string[] = [];
  const named = (name: string): Transport => ({
    request: async () => {
      seen.push(name);
      return { status: 200, headers: {}, body: (async function* () {})() };
    },
    close: async () => void seen.push(`closed ${name}`),
  });
  const transport = new SeparateTransport({
    writes: named('writes'),
    reads: named('reads'),
    waits: named('waits'),
  });
  const { signal } = new AbortController();
  const send = (request: Partial<HttpRequest>) =>
    transport.request({ method: 'GET', path: '/', signal, ...request });
  await send({ method: 'PUT' });
  await send({});
  await send({ waits: true });
  await transport.close();
  assert.deepEqual(seen, ['writes', 'reads', 'waits', 'closed writes', 'closed reads', 'closed waits']);
});
