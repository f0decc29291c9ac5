import type { Clock } from '../lib/clock.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import { Outage } from '../lib/outage.ts';
import type { Random } from '../lib/random.ts';
import { retry } from '../lib/retry.ts';
import type { Logger } from '../logging/logger.ts';
import { type ClusterUid, clusterUid } from '../model/keys.ts';
import type { KubeClient } from './client.ts';

export interface ClusterUidOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const path = '/api/v1/namespaces/kube-system';

/** The uid of the namespace kube-system, by one call. Rejects as KubeClient does. */
export async function askClusterUid(kube: KubeClient, signal: AbortSignal): Promise<ClusterUid> {
  const uid = (await kube.get(path, { signal })).metadata?.uid;
  if (uid) return clusterUid(uid);
  throw new RegistrarError('protocol', `GET ${path}: the answer has no metadata.uid`);
}

/**
 * The identity of the cluster: the uid of the namespace kube-system, which lives as long as the cluster does
 * (KEP-2149 uses it, too). Asks until there is an answer; rejects only with the signal's reason.
 */
export async function readClusterUid(options: ClusterUidOptions, signal: AbortSignal): Promise<ClusterUid> {
  const { kube, clock, random, logger } = options;
  const outage = new Outage();
  const onError = (error: RegistrarError) => {
    if (!outage.failed(error)) return;
    logger.error('cannot read the uid of namespace kube-system; retrying', {
      reason: 'ClusterUidUnknown',
      code: error.code,
      error: describe(error),
      ...(error.code === 'forbidden'
        ? { hint: 'grant get on namespaces/kube-system, or set cluster.uid in the configuration' }
        : {}),
    });
  };
  return retry(() => askClusterUid(kube, signal), { clock, random, onError }, signal);
}
