import type { KubernetesObject } from '@kubernetes/client-node';
import type { Config } from '../config/schema.ts';
import { KubeClient } from '../kube/client.ts';
import { LeaseClient } from '../leader/lease-client.ts';
import { liveHolder } from '../leader/live-holder.ts';
import { RegistrarError } from '../lib/errors.ts';
import type { Connections } from './connections.ts';

/**
 * Who leads for this cluster: `kube-registrar/kube-registrar-abc_1f0c`; undefined when nobody renews a Lease. Rejects
 * as KubeClient.
 */
export async function runningLeader(
  { leaderElection }: Config,
  { kube, clock, namespace: ownNamespace }: Connections,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { leaseName: name, leaseDuration: durationMs } = leaderElection;
  const namespaces =
    leaderElection.namespace === undefined
      ? await namespacesWith(name, new KubeClient(kube, clock), ownNamespace, signal)
      : [leaderElection.namespace];
  for (const namespace of namespaces) {
    const lease = new LeaseClient({ kube, clock, namespace, name });
    const holder = await liveHolder(lease, { clock, durationMs }, signal);
    if (holder !== undefined) return `${namespace}/${holder}`;
  }
  return undefined;
}

/** An operator without a configured namespace has its Lease in the namespace of its pod, which is not known here. */
async function namespacesWith(
  name: string,
  client: KubeClient,
  ownNamespace: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const selector = encodeURIComponent(`metadata.name=${name}`);
  try {
    const path = `/apis/coordination.k8s.io/v1/leases?fieldSelector=${selector}`;
    const leases = await client.list<KubernetesObject>(path, { signal });
    return leases.flatMap(({ metadata }) => metadata?.namespace ?? []);
  } catch (thrown) {
    if (RegistrarError.from(thrown).code !== 'forbidden') throw thrown;
    return [ownNamespace];
  }
}
