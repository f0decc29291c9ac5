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

  test('a long body arrives whole, also when it is read slowly, and waits at the server meanwhile', async () => {
    const size = 16 * 1024 * 1024;
    let written = 0;
    await withServer(
      (_request, response) => {
        const block = Buffer.alloc(64 * 1024, 'x');
        const more = () => {
          while (written < size) {
            written += block.byteLength;
            if (!response.write(block)) return void response.once('drain', more);
          }
          response.end();
        };
        more();
      },
      async (transport) => {
        const { body } = await transport.request({ method: 'GET', path: '/', signal });
        const chunks = body[Symbol.asyncIterator]();
        let read = (await chunks.next()).value.byteLength;
        // What is sent while nothing is read: as much as the sockets hold.
        let before = -1;
        while (before !== written) {
          before = written;
          for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        }
        assert.ok(written < size, `${written} bytes were sent to somebody who reads nothing`);
        for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
          assert.ok(next.value.every((byte: number) => byte === 'x'.charCodeAt(0)));
          read += next.value.byteLength;
        }
        assert.equal(read, size);
      },
    );
  });

  /** A server whose body begins and never ends; `closed` resolves with its connection. */
  const withEndlessBody = (use: (transport: HttpTransport, closed: Promise<void>) => Promise<void>) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    return withServer(
      (request, response) => {
        request.socket.once('close', () => resolve());
        response.writeHead(200);
        response.write('more follows');
      },
      (transport) => use(transport, promise),
    );
  };

  test('a body that is left early closes the connection', async () => {
    await withEndlessBody(async (transport, closed) => {
      const { body } = await transport.request({ method: 'GET', path: '/', signal });
      for await (const chunk of body) {
        assert.equal(String(chunk), 'more follows');
        break;
      }
      await closed;
    });
  });

  test('an abort ends a body that is being read, and its connection', async () => {
    await withEndlessBody(async (transport, closed) => {
      const abort = new AbortController();
      const response = await transport.request({ method: 'GET', path: '/', signal: abort.signal });
      const text = readText(response);
      abort.abort();
      await assert.rejects(text, { code: 'aborted' });
      await closed;
    });
  });

  test('sends nothing for a signal that has aborted already', async () => {
    let requests = 0;
    await withServer(
      (_request, response) => {
        requests += 1;
        response.end();
      },
      async (transport) => {
        const request = { method: 'GET', path: '/' } as const;
        await assert.rejects(transport.request({ ...request, signal: AbortSignal.abort() }), {
          code: 'aborted',
        });
        await transport.request({ ...request, signal });
        assert.equal(requests, 1);
      },
    );
  });
});
