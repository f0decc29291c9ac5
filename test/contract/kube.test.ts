import { HttpTransport } from '../../src/lib/http-transport.ts';
import type { Transport } from '../../src/lib/transport.ts';
import { KubeApi } from '../../src/sandbox/kube/kube-api.ts';
import { listen } from '../../src/sandbox/kube/listen.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { kubeContract } from './kube-contract.ts';

function startApi() {
  const clock = new VirtualClock();
  const api = new KubeApi({ clock });
  api.access.grant('limited', [
    { verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['pods'], namespaces: ['default'] },
  ]);
  api.access.addToken('limited-token', 'limited');
  const forget = async () => api.faults.compact();
  return { api, forget, pass: (ms: number) => clock.advance(ms) };
}

/** The same way in, with a bearer token. */
function withToken(transport: Transport, token: string): Transport {
  return {
    request: (request) =>
      transport.request({ ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } }),
    close: () => transport.close(),
  };
}

kubeContract('Kubernetes API in memory', async () => {
  const { api, ...time } = startApi();
  const transport = api.transport();
  return {
    transport,
    limited: api.transport('limited'),
    stranger: withToken(transport, 'nobody-has-this'),
    close: () => transport.close(),
    ...time,
  };
});

kubeContract('Kubernetes API in memory, over HTTP', async () => {
  const { api, ...time } = startApi();
  const listener = await listen(api.transport());
  const transport = new HttpTransport({ origin: listener.origin, connections: 100 });
  return {
    transport,
    limited: withToken(transport, 'limited-token'),
    stranger: withToken(transport, 'nobody-has-this'),
    async close() {
      await transport.close();
      await listener.close();
    },
    ...time,
  };
});
