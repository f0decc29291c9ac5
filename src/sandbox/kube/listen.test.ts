import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { HttpTransport } from '../../lib/http-transport.ts';
import { readText } from '../../lib/transport.ts';
import { KubeApi } from './kube-api.ts';
import { listen } from './listen.ts';

async function withListener(
  use: (api: KubeApi, transport: HttpTransport, clock: VirtualClock) => Promise<void>,
) {
  const clock = new VirtualClock();
  const api = new KubeApi({ clock });
  await using listener = await listen(api.transport());
  const transport = new HttpTransport({ origin: listener.origin });
  try {
    await use(api, transport, clock);
  } finally {
    await transport.close();
  }
}

const watchPath = '/api/v1/pods?watch=true&resourceVersion=0';

describe('listen()', () => {
  test('a client that leaves ends its watch', async () => {
    await withListener(async (api, transport, clock) => {
      const left = new AbortController();
      await transport.request({ method: 'GET', path: watchPath, signal: left.signal });
      assert.equal(api.watches.size, 1);
      left.abort();
      await eventually(() => api.watches.size === 0);
      assert.equal(clock.pending, 0);
    });
  });

  test('a connection that the core breaks is broken for the client too', async () => {
    await withListener(async (api, transport) => {
      const signal = new AbortController().signal;
      const response = await transport.request({ method: 'GET', path: watchPath, signal });
      api.faults.cutWatches('mid-line');
      await assert.rejects(readText(response), { code: 'unreachable' });
      api.faults.intercept = () => ({ kind: 'reset', applied: false });
      await assert.rejects(transport.request({ method: 'GET', path: '/api/v1/pods', signal }), {
        code: 'unreachable',
      });
    });
  });
});
