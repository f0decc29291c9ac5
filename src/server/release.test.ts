import assert from 'node:assert/strict';
import { mkdir, rmdir, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { sampleReading } from '../../test/support/sample-reading.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { release } from '../cli/release.ts';
import { RegistrarError } from '../lib/errors.ts';
import { silentLogger } from '../logging/logger.ts';
import type { Selection } from '../reconcile/holds/guard.ts';
import { startStatusServer } from './http-server.ts';
import { localSocket } from './local-socket.ts';
import { answerRelease, releasePath } from './release.ts';

const everything = JSON.stringify({ all: true, nodes: [], services: [] });
const nothing = () => ({ removals: 0, nodes: 0 });
const refused = () => assert.fail('released');

describe('answerRelease()', () => {
  test('releases what is selected', async () => {
    assert.equal((await answerRelease('POST', async () => everything, nothing)).status, 200);
  });

  test('refuses another method, and what is no selection', async () => {
    for (const [method, body, status] of [
      ['GET', everything, 405],
      ['POST', '{"all":1}', 400],
      ['POST', 'all', 400],
    ] as const) {
      assert.equal((await answerRelease(method, async () => body, refused)).status, status, body);
    }
  });

  test('passes on that this replica has nothing to release', async () => {
    const answer = await answerRelease(
      'POST',
      async () => everything,
      () => {
        throw new RegistrarError('conflict', 'ask the leader, b');
      },
    );
    assert.deepEqual([answer.status, answer.body], [409, 'ask the leader, b\n']);
  });
});

const options = {
  listen: '127.0.0.1:0',
  source: {
    degraded: () => [],
    notReady: () => [],
    unhealthy: () => undefined,
    reading: () => sampleReading,
  },
  metrics: { contentType: 'text/plain', text: async () => '' },
  logger: silentLogger,
  clock: new VirtualClock(),
};

describe('the way to /holds/release', () => {
  test('is the local socket: over the network nobody may, not even from loopback', async () => {
    const server = await startStatusServer({ ...options, release: refused });
    try {
      const response = await fetch(`${server.origin}${releasePath}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: everything,
      });
      assert.equal(response.status, 403);
      assert.match(await response.text(), /kubectl exec/);
    } finally {
      await server.close();
    }
  });

  test('is for the user of the process only, and gone with it', async () => {
    const server = await startStatusServer({ ...options, release: nothing });
    const path = localSocket(Number(new URL(server.origin).port));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await server.close();
    await assert.rejects(stat(path), { code: 'ENOENT' });
  });

  test('is opened in place of what an earlier process left behind', async () => {
    const first = await startStatusServer({ ...options, release: nothing });
    const { host, port } = new URL(first.origin);
    await first.close();
    await writeFile(localSocket(Number(port)), '');
    const second = await startStatusServer({ ...options, listen: host, release: nothing });
    const { signal } = new AbortController();
    const selection = { all: true, nodes: [], services: [] };
    const stdout = { write: () => true };
    assert.equal(await release({ selection, server: second.origin }, { stdout, signal }), 2);
    await second.close();
  });

  test('is not worth a start: without it a warning says what does not work', async () => {
    const first = await startStatusServer({ ...options, release: nothing });
    const { host, port } = new URL(first.origin);
    await first.close();
    await mkdir(localSocket(Number(port)));
    const lines: unknown[] = [];
    const logger = { ...silentLogger, warn: (_: string, fields?: object) => void lines.push(fields) };
    const second = await startStatusServer({ ...options, listen: host, release: nothing, logger });
    assert.match(JSON.stringify(lines), /LocalSocketUnavailable/);
    assert.equal((await fetch(`${second.origin}/healthz`)).status, 200);
    await second.close();
    await rmdir(localSocket(Number(port)));
  });
});

describe('kube-registrar release', () => {
  async function played(selection: Selection, released = { removals: 3, nodes: 1 }) {
    const asked: Selection[] = [];
    const server = await startStatusServer({
      ...options,
      release: (each) => {
        asked.push(each);
        return released;
      },
    });
    let text = '';
    const stdout = { write: (part: string) => (text += part) };
    const { signal } = new AbortController();
    try {
      const code = await release({ selection, server: server.origin }, { stdout, signal });
      return { code, text, asked };
    } finally {
      await server.close();
    }
  }

  test('asks the running operator and says what was released', async () => {
    const selection = { all: false, nodes: ['prod-n1'], services: ['web'] };
    const { code, text, asked } = await played(selection);
    assert.deepEqual(asked, [selection]);
    assert.equal(code, 0);
    assert.equal(text, 'Released: 3 removals, and the loss of health on 1 nodes.\n');
  });

  test('exits with 2 when nothing of that was held', async () => {
    const { code, text } = await played({ all: true, nodes: [], services: [] }, { removals: 0, nodes: 0 });
    assert.equal(code, 2);
    assert.equal(text, 'Nothing matching is held.\n');
  });

  test('requires a selection', async () => {
    await assert.rejects(played({ all: false, nodes: [], services: [] }), {
      code: 'config',
      message: /choose what/,
    });
  });
});
