import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, test } from 'node:test';
import { HttpTransport } from './http-transport.ts';
import { readText } from './transport.ts';

async function withServer(listener: RequestListener, use: (transport: HttpTransport) => Promise<void>) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const transport = new HttpTransport({
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  try {
    await use(transport);
  } finally {
    await transport.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const signal = new AbortController().signal;

describe('HttpTransport', () => {
  test('an HTTP error status is an answer', async () => {
    await withServer(
      (_request, response) => response.writeHead(503, { 'retry-after': '3' }).end('busy'),
      async (transport) => {
        const response = await transport.request({ method: 'GET', path: '/x', signal });
        assert.equal(response.status, 503);
        assert.equal(response.headers['retry-after'], '3');
        assert.equal(await readText(response), 'busy');
      },
    );
  });

  test('ends at once when aborted before there is a connection', async () => {
    // Takes connections and never says a word of TLS.
    const server = createTcpServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const transport = new HttpTransport({ origin: `https://127.0.0.1:${port}` });
    const abort = new AbortController();
    const request = transport.request({ method: 'GET', path: '/', signal: abort.signal });
    server.once('connection', () => abort.abort());
    const startedAt = performance.now();
    await assert.rejects(request, { code: 'aborted' });
    // The time-out of the connection would be 10 s.
    assert.ok(performance.now() - startedAt < 5_000);
    await transport.close();
    server.close();
  });

  test('a body cut short rejects with unreachable', async () => {
    await withServer(
      (_request, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('only this', () => response.destroy());
      },
      async (transport) => {
        const response = await transport.request({ method: 'GET', path: '/', signal });
        await assert.rejects(readText(response), { code: 'unreachable' });
      },
    );
  });

  test('silence longer than the body time-out rejects with timeout', async () => {
    await withServer(
      (_request, response) => {
        response.writeHead(200);
        response.write('only this');
      },
      async (transport) => {
        const response = await transport.request({ method: 'GET', path: '/', signal, bodyTimeoutMs: 20 });
        await assert.rejects(readText(response), { code: 'timeout' });
      },
    );
  });

  test('an abort rejects with aborted', async () => {
    await withServer(
      () => {},
      async (transport) => {
        const abort = new AbortController();
        const request = transport.request({ method: 'GET', path: '/', signal: abort.signal });
        abort.abort();
        await assert.rejects(request, { code: 'aborted' });
      },
    );
  });

  test('a refused connection rejects with unreachable and says where', async () => {
    const transport = new HttpTransport({ origin: 'http://127.0.0.1:1' });
    await assert.rejects(transport.request({ method: 'GET', path: '/', signal }), {
      code: 'unreachable',
      message: /127\.0\.0\.1:1/,
    });
    await transport.close();
  });
});
