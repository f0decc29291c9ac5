import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../logging/logger.ts';
import type { PrometheusMetrics } from '../../metrics/prometheus.ts';
import { listen } from '../../sandbox/kube/listen.ts';
import { startStatusServer } from '../../server/http-server.ts';
import type { ConsulTarget } from './consul-target.ts';
import type { Stage } from './stage.ts';
import { namespace } from './workloads.ts';

export interface ExposedDemo extends AsyncDisposable {
  /** A kubeconfig for its API server; it goes with the demo. */
  readonly kubeconfig: string;
  readonly consul: string;
  readonly operator: string;
  readonly cluster: string;
}

/** Exposes the demo to other programs of this machine, on free ports of 127.0.0.1. */
export async function expose(
  stage: Stage,
  consul: ConsulTarget,
  runtime: { readonly metrics: PrometheusMetrics; readonly logger: Logger; readonly clock: Clock },
): Promise<ExposedDemo> {
  const { operator } = stage;
  const release = (selection: Parameters<typeof operator.release>[0]) => operator.release(selection);
  const status = await startStatusServer({ ...runtime, listen: '127.0.0.1:0', source: operator, release });
  const kube = await listen(stage.kube.transport());
  const directory = await mkdtemp(path.join(tmpdir(), 'kube-registrar-demo-'));
  const kubeconfig = path.join(directory, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigOf(kube.origin));
  return {
    kubeconfig,
    consul: await consul.origin(),
    operator: status.origin,
    cluster: consul.loaded.config.cluster.name,
    async [Symbol.asyncDispose]() {
      await Promise.all([kube.close(), status.close(), rm(directory, { recursive: true, force: true })]);
    },
  };
}

/** JSON is YAML. The API server asks for no credentials. */
const kubeconfigOf = (server: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'demo', cluster: { server } }],
    users: [{ name: 'demo', user: {} }],
    contexts: [{ name: 'demo', context: { cluster: 'demo', user: 'demo', namespace } }],
    'current-context': 'demo',
  });

/** What to do with it: lines to copy. What has to be set comes first: a low terminal cuts the rest. */
export function invitation(
  { kubeconfig, consul, operator, cluster }: ExposedDemo,
  stage: Stage,
): readonly string[] {
  const { service } = stage.workloads.web;
  const { pod } = stage.view(stage.workloads.web)[0] ?? { pod: 'POD' };
  return [
    `Everything keeps running; Ctrl-C ends it. Status page: ${operator}  In another terminal:`,
    `  export KUBECONFIG=${kubeconfig}`,
    `  export CONSUL_HTTP_ADDR=${consul}`,
    `  export KUBE_REGISTRAR_CLUSTER_NAME=${cluster}`,
    `  kubectl get pods --watch; kubectl scale deployment web --replicas 6; kubectl delete pod ${pod}`,
    `  consul catalog services; curl -s "$CONSUL_HTTP_ADDR/v1/health/service/${service}?passing"`,
    `  kube-registrar plan; kube-registrar explain pod/${pod}`,
    `  kubectl patch $(kubectl get nodes -o name) --subresource status --type merge -p '${silence}'`,
    `  kube-registrar release --all --server ${operator}   approves what is held after that patch`,
  ];
}

const silence = JSON.stringify({ status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } });
