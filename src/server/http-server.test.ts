import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { sampleReading } from '../../test/support/sample-reading.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { type LogFields, type Logger, silentLogger } from '../logging/logger.ts';
import { type StatusServerOptions, startStatusServer } from './http-server.ts';
import { statusOf } from './operator-status.ts';

const defaults: StatusServerOptions = {
  listen: '127.0.0.1:0',
  source: {
    unhealthy: () => undefined,
    degraded: () => [],
    notReady: () => [],
    reading: () => sampleReading,
  },
  metrics: { contentType: 'text/plain; version=0.0.4', text: async () => 'up 1\n' },
  logger: silentLogger,
  clock: new VirtualClock(),
};

async function withServer(options: Partial<StatusServerOptions>, use: (origin: string) => Promise<void>) {
  const server = await startStatusServer({ ...defaults, ...options });
  try {
    await use(server.origin);
  } finally {
    await server.close();
  }
}

describe('the status server', () => {
  test('/healthz is 200 also while nothing is ready', async () => {
    await withServer({ source: { ...defaults.source, notReady: () => ['everything'] } }, async (origin) => {
      const response = await fetch(`${origin}/healthz`);
      assert.deepEqual([response.status, await response.text()], [200, 'ok\n']);
    });
  });

  test('/readyz is 503 with what is missing, then 200', async () => {
    let missing = ['pods: not listed yet', 'Consul: not read yet'];
    let degraded = ['pods in old: may not be read'];
    const source = { ...defaults.source, notReady: () => missing, degraded: () => degraded };
    await withServer({ source }, async (origin) => {
      const response = await fetch(`${origin}/readyz`);
      assert.equal(response.status, 503);
      assert.equal(await response.text(), 'not ready:\n- pods: not listed yet\n- Consul: not read yet\n');
      missing = [];
      const except = await fetch(`${origin}/readyz`);
      assert.equal(except.status, 200);
      assert.equal(await except.text(), 'ok, except for:\n- pods in old: may not be read\n');
      degraded = [];
      assert.equal(await (await fetch(`${origin}/readyz`)).text(), 'ok\n');
    });
  });

  test('/metrics gives the text with its content type', async () => {
    await withServer({}, async (origin) => {
      const response = await fetch(`${origin}/metrics`);
      assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4');
      assert.equal(await response.text(), 'up 1\n');
    });
  });

  test('/status.json gives the status', async () => {
    await withServer({}, async (origin) => {
      const response = await fetch(`${origin}/status.json?pretty`);
      assert.match(response.headers.get('content-type')!, /^application\/json/);
      assert.deepEqual(await response.json(), statusOf(sampleReading));
    });
  });

  test('/ and the pages below it come with a policy that forbids everything inline or from elsewhere', async () => {
    await withServer({}, async (origin) => {
      for (const path of ['/', '/services?q=web', '/instances?service=web&page=2', '/held']) {
        const response = await fetch(`${origin}${path}`);
        assert.match(response.headers.get('content-type')!, /^text\/html/);
        const policy = response.headers.get('content-security-policy')!;
        assert.match(policy, /^default-src 'none';/);
        assert.doesNotMatch(policy, /unsafe|\*|http/);
        assert.equal(response.headers.get('cache-control'), 'no-store');
        assert.match(await response.text(), /^<!doctype html>/);
      }
    });
  });

  test('every resource that a page names is there', async () => {
    await withServer({}, async (origin) => {
      const page = await (await fetch(origin)).text();
      const named = [...page.matchAll(/<(?:link|script)[^>]* (?:href|src)="([^"]+)"/g)].map(([, at]) => at!);
      assert.ok(named.length >= 2);
      for (const each of [...named, './favicon-good.svg', './favicon-bad.svg', './favicon-calm.svg']) {
        const response = await fetch(new URL(each, `${origin}/`));
        assert.equal(response.status, 200, each);
        assert.match(response.headers.get('content-type')!, /^(?:text\/css|text\/javascript|image\/svg)/);
        assert.match(response.headers.get('cache-control')!, /max-age/);
        assert.notEqual(await response.text(), '');
      }
    });
  });

  /** Opens a page that stays up to date; resolves with its first event. */
  async function follow(origin: string, path: string) {
    const abort = new AbortController();
    const response = await fetch(`${origin}${path}`, {
      headers: { accept: 'text/event-stream' },
      signal: abort.signal,
    });
    const events = response.body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
    let text = '';
    const until = async (wanted: string) => {
      while (!text.includes(wanted)) {
        const { value, done } = await events.next();
        if (done) return `ended: ${text}`;
        text += value;
      }
      return text;
    };
    return { response, until, abort };
  }

  test('a page asked for as events stays up to date', async () => {
    const clock = new VirtualClock();
    let reading = sampleReading;
    await withServer({ clock, source: { ...defaults.source, reading: () => reading } }, async (origin) => {
      const { response, until, abort } = await follow(origin, '/held?q=guard');
      assert.match(response.headers.get('content-type')!, /^text\/event-stream/);
      assert.match(await until('\n\ndata: '), /^retry: 5000\n\n/);
      reading = { ...reading, findings: [] };
      await clock.advance(1_000);
      assert.match(await until('No held change matches the search'), /"title":"1 problem · east/);
      abort.abort();
    });
  });

  test('no more than 16 pages stay up to date; who is sent away is told so', async () => {
    await withServer({}, async (origin) => {
      const first = await follow(origin, '/');
      const others = [];
      for (let at = 0; at < 16; at++) others.push(await follow(origin, `/services?q=${at}`));
      assert.match(await first.until('event: full'), /event: full\ndata: \n\n$/);
      assert.equal((await fetch(`${origin}/healthz`)).status, 200);
      for (const { abort } of others) abort.abort();
    });
  });

  test('close() ends pages that stay up to date at once', async () => {
    const server = await startStatusServer(defaults);
    const { until } = await follow(server.origin, '/');
    await until('data: ');
    await server.close();
    assert.match(await until('never'), /^ended: /);
  });

  test('HEAD answers like GET without the body', async () => {
    await withServer({}, async (origin) => {
      const response = await fetch(`${origin}/metrics`, { method: 'HEAD' });
      assert.deepEqual([response.status, response.headers.get('content-length')], [200, '5']);
      assert.equal(await response.text(), '');
    });
  });

  test('another path is a 404 that names those there are, another method a 405', async () => {
    await withServer({}, async (origin) => {
      const missing = await fetch(`${origin}/constructor`);
      assert.equal(missing.status, 404);
      assert.match(await missing.text(), /\/healthz/);
      const refused = await fetch(`${origin}/healthz`, { method: 'POST', body: 'x' });
      assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD']);
    });
  });

  test('a source that throws is a 500 and a log line, and the next request is served', async () => {
    const lines: [string, LogFields | undefined][] = [];
    const logger: Logger = { ...silentLogger, error: (message, fields) => lines.push([message, fields]) };
    const metrics = {
      ...defaults.metrics,
      text: async () => {
        throw new Error('broken');
      },
    };
    await withServer({ logger, metrics }, async (origin) => {
      const response = await fetch(`${origin}/metrics`);
      assert.equal(response.status, 500);
      assert.doesNotMatch(await response.text(), /broken/);
      assert.equal(lines[0]?.[1]?.['reason'], 'StatusRequestFailed');
      assert.equal((await fetch(`${origin}/healthz`)).status, 200);
    });
  });

  test('a port in use is a configuration mistake that says so', async () => {
    await withServer({}, async (origin) => {
      const listen = new URL(origin).host;
      await assert.rejects(startStatusServer({ ...defaults, listen }), {
        code: 'config',
        message: `server.listen "${listen}": the port is already in use; stop the other program or choose another port`,
      });
    });
  });

  test('an address this host does not have is a configuration mistake', async () => {
    await assert.rejects(startStatusServer({ ...defaults, listen: '192.0.2.1:0' }), {
      code: 'config',
      message: /this host has no such address/,
    });
  });

  test('close() lets an answer on its way finish', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const asked = Promise.withResolvers<void>();
    const text = () => {
      asked.resolve();
      return promise;
    };
    const server = await startStatusServer({ ...defaults, metrics: { ...defaults.metrics, text } });
    const response = fetch(`${server.origin}/metrics`);
    await asked.promise;
    const closing = server.close();
    resolve('late 1\n');
    assert.equal(await (await response).text(), 'late 1\n');
    await closing;
    await assert.rejects(fetch(server.origin));
  });

  test('close() does not wait longer than its grace for a client that never finishes', async () => {
    const clock = new VirtualClock();
    const server = await startStatusServer({ ...defaults, clock });
    const socket = connect(Number(new URL(server.origin).port), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write('GET / HTTP/1.1\r\n');
    await fetch(`${server.origin}/healthz`); // By now the server has read the half request.
    const ended = once(socket, 'close');
    const closing = server.close();
    await clock.advance(2_000);
    await closing;
    await ended;
    assert.equal(clock.pending, 0);
  });

  /** Connections of a client that sends `text` and then nothing, nor reads. */
  async function silent(origin: string, count: number, text: string): Promise<Socket[]> {
    const port = Number(new URL(origin).port);
    return Promise.all(
      Array.from({ length: count }, async () => {
        const socket = connect(port, '127.0.0.1').pause();
        await once(socket, 'connect');
        socket.on('error', () => {});
        socket.write(text);
        return socket;
      }),
    );
  }

  /** What each of them gets when it reads in the end, bytes, until the server ends it or `enough` is there. */
  function read(sockets: readonly Socket[], enough: number): Promise<number[]> {
    return Promise.all(
      sockets.map(async (socket) => {
        let size = 0;
        const done = Promise.withResolvers<void>();
        socket.on('close', () => done.resolve());
        socket.on('data', (chunk: Buffer) => {
          size += chunk.byteLength;
          if (size >= enough) socket.destroy();
        });
        socket.resume();
        await done.promise;
        return size;
      }),
    );
  }

  test('half-sent requests beyond 128 end, the oldest first, and probes are answered', async () => {
    await withServer({}, async (origin) => {
      const sockets = await silent(origin, 300, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(6_000)}`);
      try {
        assert.equal((await fetch(`${origin}/healthz`)).status, 200);
        // The others can go on to the end of their request; those that are gone get nothing.
        for (const socket of sockets) socket.write('\r\n\r\n');
        const answered = (await read(sockets, 1)).filter((size) => size > 0);
        assert.equal(answered.length, 127);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    });
  });

  test('headers above 8 KiB are refused', async () => {
    await withServer({}, async (origin) => {
      const response = await fetch(`${origin}/healthz`, { headers: { 'x-long': 'x'.repeat(9_000) } });
      assert.equal(response.status, 431);
    });
  });

  test('of answers that nobody reads eight are kept, and probes are answered', async () => {
    const bytes = 12 * 1024 * 1024;
    const text = async () => 'x'.repeat(bytes);
    await withServer({ metrics: { ...defaults.metrics, text } }, async (origin) => {
      const sockets = await silent(origin, 16, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
      try {
        // By the third, the server has seen every request that was sent before the first.
        for (let probes = 0; probes < 3; probes += 1) {
          assert.equal((await fetch(`${origin}/healthz`)).status, 200);
        }
        const whole = (await read(sockets, bytes)).filter((size) => size >= bytes);
        assert.equal(whole.length, 8);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    });
  });

  test('a text that took long to make is given again for ten times as long, whoever asks', async () => {
    const clock = new VirtualClock();
    let made = 0;
    const text = async () => {
      made += 1;
      await clock.sleep(5, new AbortController().signal);
      return `made ${made}\n`;
    };
    await withServer({ clock, metrics: { ...defaults.metrics, text } }, async (origin) => {
      const ask = async () => (await fetch(`${origin}/metrics`)).text();
      const first = [ask(), ask(), ask()];
      while (clock.pending === 0) await setImmediate();
      // All three have asked by the time this is answered.
      await fetch(`${origin}/healthz`);
      await clock.advance(5);
      assert.deepEqual(new Set(await Promise.all(first)), new Set(['made 1\n']));
      await clock.advance(49);
      assert.equal(await ask(), 'made 1\n');
      await clock.advance(1);
      const next = ask();
      while (clock.pending === 0) await setImmediate();
      await clock.advance(5);
      assert.equal(await next, 'made 2\n');
    });
  });
});
