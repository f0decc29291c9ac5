import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, test } from 'node:test';
import { type ScriptedAnswer, ScriptedConsul } from '../../test/support/scripted-consul.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { systemClock } from '../lib/clock.ts';
import { HttpTransport } from '../lib/http-transport.ts';
import { Secret } from '../lib/secret.ts';
import { ConsulApi, type ConsulApiOptions, type Invoke } from './consul-api.ts';

const signal = new AbortController().signal;

/** A server on a real socket and the client to it. */
async function overSockets(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const api = new ConsulApi({ transport: new HttpTransport({ origin, connections: 1 }), clock: systemClock });
  return {
    api,
    server,
    async [Symbol.asyncDispose]() {
      await api.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

function scripted(answer: ScriptedAnswer | undefined, options: Partial<ConsulApiOptions> = {}) {
  const transport = new ScriptedConsul(() => answer);
  const clock = new VirtualClock();
  return { transport, clock, api: new ConsulApi({ transport, clock, ...options }) };
}

const nodes: Invoke = ({ catalog }, context) => catalog.node.list(context);

describe('npm consul over our transport', () => {
  test('a body cut short rejects', async () => {
    await using stage = await overSockets((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('[{"Node":', () => response.destroy());
    });
    await assert.rejects(stage.api.call(nodes, signal), {
      code: 'unreachable',
      message: /^GET \/v1\/catalog\/nodes: /,
    });
  });

  test('a size limit holds, and the rest of the answer is not read', async () => {
    let written = 0;
    await using stage = await overSockets((_request, response) => {
      const write = () => {
        while (!response.destroyed && response.write('['.repeat(65_536))) written += 65_536;
      };
      response.on('drain', write);
      write();
    });
    await assert.rejects(stage.api.call(nodes, signal, { maxBytes: 100_000 }), {
      code: 'protocol',
      message: 'GET /v1/catalog/nodes: the answer is larger than 100000 bytes',
    });
    assert.ok(written < 64 * 1024 * 1024, `${written} bytes`);
  });

  test('an aborted wait frees its socket and leaves no listener', async () => {
    const sockets: Socket[] = [];
    await using stage = await overSockets((request, response) => {
      if (request.url?.includes('index=')) sockets.push(request.socket);
      else response.end('[]');
    });
    const abort = new AbortController();
    const waiting = stage.api.call(
      ({ health }, context) => health.service({ ...context, service: 'web', index: 7, wait: '600s' }),
      abort.signal,
      { waitMs: 600_000 },
    );
    while (sockets.length === 0) await new Promise(setImmediate);
    const closed = once(sockets[0]!, 'close');
    abort.abort();
    await assert.rejects(waiting, { code: 'aborted' });
    await closed;
    assert.equal(getEventListeners(abort.signal, 'abort').length, 0);
    // The only connection there is serves the next call.
    assert.deepEqual((await stage.api.call(nodes, signal)).body, []);
  });

  test('the deadline is that of the injected clock, and leaves no timer', async () => {
    const { api, clock } = scripted(undefined, { timeoutMs: 1_000 });
    const rejected = assert.rejects(api.call(nodes, signal), { code: 'timeout' });
    await clock.advance(1_000);
    await rejected;
    assert.equal(clock.pending, 0);
  });

  test('a call that was aborted before sends nothing', async () => {
    const { api, transport } = scripted({ body: [] });
    await assert.rejects(api.call(nodes, AbortSignal.abort()), { code: 'aborted' });
    assert.equal(transport.requests.length, 0);
  });

  test('what is not JSON is refused without repeating it, an empty answer is none', async () => {
    const error = { code: 'protocol', message: 'GET /v1/catalog/nodes: the answer is not JSON' };
    await assert.rejects(scripted({ body: 'secret' }).api.call(nodes, signal), error);
    assert.equal((await scripted({ body: '' }).api.call(nodes, signal)).body, undefined);
  });

  test('an error has the status, the text and the request, and Retry-After with its cap', async () => {
    const { api } = scripted({ status: 429, body: 'slower', headers: { 'retry-after': '3600' } });
    await assert.rejects(api.call(nodes, signal), {
      code: 'throttled',
      status: 429,
      retryAfterMs: 30_000,
      message: 'GET /v1/catalog/nodes: 429: slower',
    });
  });

  test('an error does not repeat a secret of the body', async () => {
    const { api } = scripted({ status: 403, body: 'no such bearer: abc.def' });
    const login: Invoke = (consul, context) =>
      consul._post({ ...context, path: '/acl/login', body: { BearerToken: 'abc.def' } });
    await assert.rejects(api.call(login, signal, { secrets: ['abc.def'] }), {
      message: 'POST /v1/acl/login: 403: no such bearer: [redacted]',
    });
  });

  test('every request has the token of the moment and the scope, whatever the package knows of it', async () => {
    const tokens = ['first', 'second', 'third'];
    const { api, transport } = scripted(
      { body: {} },
      { token: () => new Secret(tokens.shift()!), namespace: 'team a', datacenter: 'east' },
    );
    await api.call(({ agent }, context) => agent.services(context), signal);
    await api.call(
      (consul, context) => consul._get({ ...context, path: '/x', query: { cached: '' } }),
      signal,
    );
    await api.exchange({ method: 'PUT', path: '/v1/txn', body: '[]', signal });
    assert.deepEqual(
      transport.requests.map(({ path, headers }) => `${path} ${headers?.['x-consul-token']}`),
      [
        '/v1/agent/services?dc=east&ns=team%20a first',
        '/v1/x?cached=&dc=east&ns=team%20a second',
        '/v1/txn?dc=east&ns=team%20a third',
      ],
    );
  });

  test('a generic request sends its body whole, where the builders of the package drop fields', async () => {
    const { api, transport } = scripted({ body: '' });
    const body = { Name: 'wäb', Weights: { Passing: 5 }, TaggedAddresses: { lan_ipv6: { Address: '::1' } } };
    await api.call(
      (consul, context) => consul._put({ ...context, path: '/agent/service/register', body }),
      signal,
    );
    const [request] = transport.requests;
    assert.equal(request?.method, 'PUT');
    assert.deepEqual(JSON.parse(request.body ?? ''), body);
    assert.deepEqual(Object.keys(request.headers ?? {}).sort(), ['accept', 'content-type']);
  });

  test('a name in the path is encoded, and an empty one is refused', async () => {
    const { api, transport } = scripted({ body: [] });
    await api.call(({ health }, context) => health.node({ ...context, node: 'a/b?c' }), signal);
    assert.equal(transport.requests[0]?.path, '/v1/health/node/a%2Fb%3Fc');
    const unnamed = api.call(({ health }, context) => health.node({ ...context, node: '' }), signal);
    await assert.rejects(unnamed, { code: 'rejected', message: /node required/ });
  });
});
