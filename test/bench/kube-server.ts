/**
 * A Kubernetes API server in memory, in a process of its own: `fork('kube-server.ts', [pods, nodes, services])`.
 * Sends `{origin}` when it listens; `{flip, at}` for every `{flip: pod, ready}` it was sent, with the
 * monotonic nanoseconds (text) at which the change was made.
 */
import { systemClock } from '../../src/lib/clock.ts';
import { KubeApi } from '../../src/sandbox/kube/kube-api.ts';
import { listen } from '../../src/sandbox/kube/listen.ts';

const [pods = 5_000, nodes = 50, services = 200] = process.argv.slice(2).map(Number);
const api = new KubeApi({ clock: systemClock });
const pad = (index: number) => String(index).padStart(5, '0');

for (let index = 0; index < nodes; index += 1) {
  api.store.apply({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: `node-${index}`, labels: { 'topology.kubernetes.io/zone': `zone-${index % 3}` } },
    status: {
      addresses: [{ type: 'InternalIP', address: `10.0.${index >> 8}.${index & 255}` }],
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is ready' }],
    },
  });
}
for (let index = 0; index < pods; index += 1) putPod(index, true);

function putPod(index: number, ready: boolean): void {
  const status = ready ? 'True' : 'False';
  const why = ready ? {} : { reason: 'ContainersNotReady', message: 'containers with unready status: [app]' };
  const ip = `10.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
  api.store.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `app-${pad(index)}`,
      namespace: `team-${index % 20}`,
      labels: { app: `app-${index % services}`, version: 'v1' },
      annotations: {
        'kube-registrar.io/service': `app-${index % services}`,
        'kube-registrar.io/port': 'http',
        'kube-registrar.io/tags': '{pod.label.version},public',
        'kube-registrar.io/meta.team': `team-${index % 20}`,
      },
    },
    spec: {
      nodeName: `node-${index % nodes}`,
      containers: [{ name: 'app', image: 'app:1', ports: [{ name: 'http', containerPort: 8080 }] }],
    },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      hostIP: '10.0.0.1',
      conditions: [
        { type: 'Ready', status, ...why },
        { type: 'ContainersReady', status, ...why },
      ],
    },
  });
}

await using listener = await listen(api.transport());
process.send?.({ origin: listener.origin });
process.on('message', ({ flip, ready }: { flip: number; ready: boolean }) => {
  const at = process.hrtime.bigint();
  putPod(flip, ready);
  process.send?.({ flip, at: String(at) });
});
await new Promise((resolve) => process.once('disconnect', resolve));
process.exit(0);
