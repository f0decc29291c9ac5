import { setTimeout as delay } from 'node:timers/promises';
import { HttpTransport } from '../../src/lib/http-transport.ts';
import type { Transport } from '../../src/lib/transport.ts';
import { type KubeUnderTest, kubeContract } from '../contract/kube-contract.ts';
import { eventually } from '../support/eventually.ts';
import { HttpError } from '../support/real/http.ts';
import { startKube } from '../support/real/kube.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';

async function start(oldest: boolean): Promise<KubeUnderTest> {
  const apiserverArgs = ['--etcd-compaction-interval=10s'];
  const kube = await startKube({ users: { limited: [] }, apiserverArgs, oldest });
  await kube.api.post(`${rbac}/roles`, {
    metadata: { name: 'limited' },
    rules: [{ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['pods'] }],
  });
  await kube.api.post(`${rbac}/rolebindings`, {
    metadata: { name: 'limited' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'limited' },
    subjects: [{ kind: 'User', name: 'limited' }],
  });
  const http = new HttpTransport({ origin: kube.url, tls: { ca: kube.ca }, connections: 100 });
  const bearing = (token: string): Transport => ({
    request: (request) =>
      http.request({ ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } }),
    close: () => http.close(),
  });
  return {
    transport: bearing(kube.adminToken),
    limited: bearing(await kube.tokenFor({ user: 'limited' })),
    stranger: bearing('nobody-has-this'),
    pass: (ms) => delay(ms),
    async forget() {
      const list = await kube.api.get<{ metadata: { resourceVersion: string } }>('/api/v1/pods');
      const { resourceVersion } = list.metadata;
      const past = `/api/v1/pods?${new URLSearchParams({ resourceVersion, resourceVersionMatch: 'Exact' })}`;
      const compacted = () =>
        kube.api.get(past).then(
          () => false,
          (error: unknown) => error instanceof HttpError && error.status === 410,
        );
      await eventually(compacted, { timeoutMs: 60_000, what: 'etcd has compacted what happened so far' });
      // A watch is served from the memory of the server, which would still know.
      await kube.stopApiserver();
      await kube.startApiserver();
    },
    async close() {
      await http.close();
      await kube.stop();
    },
  };
}

kubeContract('kube-apiserver', () => start(false));
kubeContract('the oldest kube-apiserver', () => start(true), { watchList: true, podGeneration: true });
