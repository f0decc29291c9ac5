import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../logging/logger.ts';
import type { PrometheusMetrics } from '../../metrics/prometheus.ts';
import { listen } from '../../sandbox/kube/listen.ts';
import { startStatusServer } from '../../server/http-server.ts';
import type { ConsulTarget } from './consul-target.ts';
import type { Stage } from './stage.ts';
import { namespace } from './workloads.ts';

export interface ExposedDemo extends AsyncDisposable {
  readonly kube: string;
  readonly consul: string;
  readonly status: string;
}

/** Exposes the demo to other programs of this machine, on free ports of 127.0.0.1. */
export async function expose(
  stage: Stage,
  consul: ConsulTarget,
  runtime: { readonly metrics: PrometheusMetrics; readonly logger: Logger; readonly clock: Clock },
): Promise<ExposedDemo> {
  const status = await startStatusServer({ ...runtime, listen: '127.0.0.1:0', source: stage.operator });
  const kube = await listen(stage.kube.transport());
  return {
    kube: kube.origin,
    consul: await consul.origin(),
    status: status.origin,
    async [Symbol.asyncDispose]() {
      await Promise.all([kube.close(), status.close()]);
    },
  };
}

/** What to do with it: lines to copy from. */
export function invitation({ kube, consul, status }: ExposedDemo, stage: Stage): readonly string[] {
  const { service } = stage.workloads.web;
  const { pod } = stage.view(stage.workloads.web)[0] ?? { pod: 'POD' };
  return [
    '',
    'Everything keeps running; Ctrl-C ends it.',
    '',
    `  Kubernetes API   ${kube}`,
    `  Consul API       ${consul}`,
    `  status page      ${status}   (and /status.json, /metrics)`,
    '',
    'See what a consumer sees:',
    `  curl -s '${consul}/v1/health/service/${service}?passing'`,
    'Delete a pod, and see it leave and its successor come:',
    `  curl -s -X DELETE ${kube}/api/v1/namespaces/${namespace}/pods/${pod}`,
    `  kubectl --server ${kube} --namespace ${namespace} get pods --watch`,
    '',
  ];
}
