import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { HttpTransport } from '../../lib/http-transport.ts';
import { readText } from '../../lib/transport.ts';
import { ConsulListener } from './consul-listener.ts';
import { ConsulServer } from './consul-server.ts';

const signal = new AbortController().signal;

test('the listener answers over HTTP, with decoded paths and binary bodies', async () => {
  using server = new ConsulServer({ clock: systemClock });
  await using listener = await ConsulListener.start(server);
  const value = Buffer.from([0, 255, 128]);
  await fetch(`${listener.origin}/v1/kv/a%20b/c`, { method: 'PUT', body: value });
  const read = await fetch(`${listener.origin}/v1/kv/a%20b/c?raw`);
  assert.deepEqual(Buffer.from(await read.arrayBuffer()), value);
  assert.deepEqual(await (await fetch(`${listener.origin}/v1/kv/?keys`)).json(), ['a b/c']);
});

test('faults break real connections', async () => {
  using server = new ConsulServer({ clock: systemClock });
  await using listener = await ConsulListener.start(server);
  const transport = new HttpTransport({ origin: listener.origin });
  const read = async () =>
    readText(await transport.request({ method: 'GET', path: '/v1/catalog/nodes', signal }));
  server.intercept = () => ({ kind: 'reset' });
  await assert.rejects(read(), { code: 'unreachable' });
  server.intercept = () => ({ kind: 'truncate' });
  await assert.rejects(read(), { code: 'unreachable' });
  server.intercept = undefined;
  assert.match(await read(), /"Node":"consul"/);
  await transport.close();
});

test('closing the listener ends blocked queries, and a client that leaves ends its own', async () => {
  using server = new ConsulServer({ clock: systemClock });
  const listener = await ConsulListener.start(server);
  const abort = new AbortController();
  const block = (extra: RequestInit = {}) =>
    fetch(`${listener.origin}/v1/catalog/nodes?index=1000000`, extra);
  const [left, closed] = [assert.rejects(block({ signal: abort.signal })), assert.rejects(block())];
  const blocked = async (count: number) => {
    while (server.stats.blocked !== count) await systemClock.yield();
  };
  await blocked(2);
  abort.abort();
  await blocked(1);
  await listener[Symbol.asyncDispose]();
  await blocked(0);
  await Promise.all([left, closed]);
});
