import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { ConsulClient } from '../../consul/client.ts';
import { Secret } from '../../lib/secret.ts';
import { readText, type Transport } from '../../lib/transport.ts';
import { ConsulServer } from '../../sandbox/consul/consul-server.ts';
import { refusedWrites } from './write-access.ts';

const { signal } = new AbortController();
const managementToken = 'b1gs33cr3t-0000-0000-0000-000000000000';

async function ask<Answer = Record<string, string>>(
  transport: Transport,
  method: 'GET' | 'PUT',
  path: string,
  body?: object,
): Promise<Answer> {
  const headers = { 'x-consul-token': managementToken };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const request = { method, path, headers, ...sent, headersTimeoutMs: 1_000, signal };
  return JSON.parse(await readText(await transport.request(request)));
}

/** What a token with these rules would be refused, and the server that was asked. */
async function refused(rules: object, nodes: readonly [string, ...string[]], services: readonly string[]) {
  const clock = new VirtualClock();
  const server = new ConsulServer({ clock, random: () => 0.5, acl: { managementToken } });
  const transport = server.transport();
  await ask(transport, 'PUT', '/v1/acl/policy', { Name: 'p', Rules: JSON.stringify(rules) });
  const { SecretID } = await ask(transport, 'PUT', '/v1/acl/token', { Policies: [{ Name: 'p' }] });
  const client = new ConsulClient({ transport, clock, token: () => new Secret(SecretID!) });
  const words = await refusedWrites(client, { nodes, services }, signal);
  const catalog = await ask<{ Node: string }[]>(transport, 'GET', '/v1/catalog/nodes');
  return { words, catalog: catalog.map(({ Node }) => Node) };
}

const write = { policy: 'write' };
const read = { policy: 'read' };

describe('refusedWrites()', () => {
  test('finds nothing when the token may write, and writes nothing', async () => {
    const rules = { node_prefix: { 'prod-': write }, service_prefix: { '': write } };
    assert.deepEqual(await refused(rules, ['prod-a', 'prod-b'], ['web']), { words: [], catalog: ['consul'] });
  });

  test('names nodes and services that may only be read, each once', async () => {
    const rules = { node_prefix: { '': read, 'prod-': write }, service_prefix: { '': read, web: write } };
    const { words } = await refused(rules, ['prod-a', 'other-a'], ['web', 'db']);
    assert.equal(words.length, 2, words.join('\n'));
    assert.match(words.join('\n'), /node:write.*other-a/);
    assert.match(words.join('\n'), /service:write.*db/);
  });

  test('asks about more services than fit into a transaction', async () => {
    const services = Array.from({ length: 130 }, (_, i) => `s${i}`);
    const rules = { node_prefix: { '': write }, service_prefix: { '': write, s129: read } };
    assert.equal((await refused(rules, ['prod-a'], services)).words.length, 1);
  });
});
