import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sampleStatus } from '../../test/support/sample-status.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { release } from '../cli/release.ts';
import { RegistrarError } from '../lib/errors.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Selection } from '../reconcile/guard/guard.ts';
import { startStatusServer } from './http-server.ts';
import { answerRelease, type ReleaseRequest } from './release.ts';

const everything = JSON.stringify({ all: true, nodes: [], services: [] });
const request: ReleaseRequest = {
  method: 'POST',
  remoteAddress: '127.0.0.1',
  host: '127.0.0.1:8080',
  contentType: 'application/json',
  body: async () => everything,
};
const nothing = () => ({ removals: 0, nodes: 0 });
const refused = () => assert.fail('released');

describe('answerRelease()', () => {
  test('answers connections from loopback, by any of its addresses', async () => {
    for (const remoteAddress of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) {
      assert.equal((await answerRelease({ ...request, remoteAddress }, nothing)).status, 200);
    }
  });

  test('refuses everybody else, a browser under another name, and other content types', async () => {
    const cases: readonly [Partial<ReleaseRequest>, number][] = [
      [{ remoteAddress: '10.0.0.7' }, 403],
      [{ remoteAddress: '::ffff:10.0.0.7' }, 403],
      [{ remoteAddress: undefined }, 403],
      [{ host: 'evil.example:8080' }, 403],
      [{ host: '127.0.0.1.evil.example' }, 403],
      [{ host: undefined }, 403],
      [{ contentType: 'text/plain' }, 415],
      [{ contentType: undefined }, 415],
      [{ method: 'GET' }, 405],
      [{ body: async () => '{"all":1}' }, 400],
      [{ body: async () => 'all' }, 400],
    ];
    for (const [part, status] of cases) {
      assert.equal(
        (await answerRelease({ ...request, ...part }, refused)).status,
        status,
        JSON.stringify(part),
      );
    }
  });

  test('passes on that this replica has nothing to let go', async () => {
    const answer = await answerRelease(request, () => {
      throw new RegistrarError('conflict', 'ask the leader, b');
    });
    assert.deepEqual([answer.status, answer.body], [409, 'ask the leader, b\n']);
  });
});

describe('kube-registrar release', () => {
  async function played(selection: Selection, released = { removals: 3, nodes: 1 }) {
    const asked: Selection[] = [];
    const server = await startStatusServer({
      listen: '127.0.0.1:0',
      source: {
        degraded: () => [],
        notReady: () => [],
        unhealthy: () => undefined,
        status: () => sampleStatus,
      },
      release: (each) => {
        asked.push(each);
        return released;
      },
      metrics: { contentType: 'text/plain', text: async () => '' },
      logger: silentLogger,
      clock: new VirtualClock(),
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

  test('asks the running operator and says what was let go', async () => {
    const selection = { all: false, nodes: ['prod-n1'], services: ['web'] };
    const { code, text, asked } = await played(selection);
    assert.deepEqual(asked, [selection]);
    assert.equal(code, 0);
    assert.equal(text, 'Let go: 3 removals, and the loss of health on 1 nodes.\n');
  });

  test('exits with 2 when nothing of that was held', async () => {
    const { code, text } = await played({ all: true, nodes: [], services: [] }, { removals: 0, nodes: 0 });
    assert.equal(code, 2);
    assert.equal(text, 'Nothing of that is held.\n');
  });

  test('wants to be told what', async () => {
    await assert.rejects(played({ all: false, nodes: [], services: [] }), {
      code: 'config',
      message: /say what/,
    });
  });
});
