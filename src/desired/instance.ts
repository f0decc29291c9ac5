import { type Check, maintenanceCheck, readinessCheck } from '../model/check.ts';
import type { Instance, WarmUp } from '../model/instance.ts';
import type { InstanceId } from '../model/keys.ts';
import { externalSource, type Origin } from '../model/origin.ts';
import { managedByValue } from '../model/owner.ts';
import type { PodRecord } from '../model/pod.ts';
import { taggedAddresses, withPort } from './addresses.ts';
import type { Declaration } from './declaration.ts';
import { consulK8sMeta } from './dialects/consul-k8s.ts';
import type { Health } from './health.ts';
import { autoMeta, mostKeys, sortedRecord } from './meta.ts';
import type { DesiredOptions } from './options.ts';
import type { Placeholders } from './placeholders.ts';
import { probeChecks, type ResolvedProbes } from './probe-checks.ts';

export interface InstanceParts {
  readonly id: InstanceId;
  readonly declaration: Declaration;
  readonly origin: Origin;
  /** At least one, the primary first. */
  readonly addresses: readonly [string, ...string[]];
  readonly port: number;
  /** Undefined: no readiness check. */
  readonly health: Health | undefined;
  readonly probes: ResolvedProbes;
  readonly options: DesiredOptions;
  /**
   * The pod behind the instance, as far as it is known. Its age shows which pod replaces which, and a warm-up begins
   * when it becomes Ready.
   */
  readonly pod: PodRecord | undefined;
  /** Of a load balancer's address; see LoadBalancerEntry. */
  readonly ipMode: string;
  readonly places: Pick<Placeholders, 'nodeZone' | 'nodeRegion'>;
  /** Of a route, lists with commas; see Serving. */
  readonly hosts: string;
  readonly paths: string;
}

/** An instance in canonical form. */
export function buildInstance({
  id,
  declaration,
  origin,
  addresses,
  port,
  health,
  probes,
  options,
  pod,
  ipMode,
  places,
  hosts,
  paths,
}: InstanceParts): Instance {
  const [address] = addresses;
  const checks = checksOf(id, health, declaration.maintenance, options);
  return {
    id,
    service: declaration.service,
    address,
    port,
    tags: declaration.tags,
    meta: metaOf({ declaration, origin, pod, ipMode, places, hosts, paths }, probes.healthUrl, options),
    weights: { passing: declaration.weight, warning: declaration['weight-warning'] },
    taggedAddresses: taggedAddresses(addresses, withPort(port)),
    checks: [...checks, ...probeChecks(id, probes.checks, health)].sort((a, b) => (a.id < b.id ? -1 : 1)),
    ...(declaration.warmup === undefined ? {} : { warmup: warmUp(declaration.warmup, pod) }),
  };
}

function warmUp(durationMs: number, pod: PodRecord | undefined): WarmUp {
  // A terminating instance does not become young again.
  const isWarm = pod === undefined || pod.deleting;
  return { durationMs, since: isWarm ? 0 : pod.readySince };
}

function metaOf(
  {
    declaration,
    origin,
    pod,
    ipMode,
    places,
    hosts,
    paths,
  }: Pick<InstanceParts, 'declaration' | 'origin' | 'pod' | 'ipMode' | 'places' | 'hosts' | 'paths'>,
  healthUrl: string | undefined,
  { agents, clusterUid, consulK8s }: DesiredOptions,
): Instance['meta'] {
  const all = [
    [autoMeta.externalSource, externalSource.value],
    [autoMeta.namespace, origin.namespace],
    [autoMeta.pod, origin.pod],
    [autoMeta.podUid, origin.podUid],
    [autoMeta.podCreated, pod === undefined ? '' : kubeTime(pod.createdAt)],
    [autoMeta.node, origin.node],
    [autoMeta.zone, places.nodeZone],
    [autoMeta.region, places.nodeRegion],
    [autoMeta.cluster, origin.cluster],
    [autoMeta.service, origin.service],
    [autoMeta.reach, origin.reach],
    [autoMeta.ipMode, ipMode],
    [autoMeta.byDefault, origin.byDefault],
    [autoMeta.route, origin.route],
    [autoMeta.gateway, origin.gateway],
    [autoMeta.hosts, hosts],
    [autoMeta.paths, paths],
    // In the catalog the node carries the stamp; on an agent's node every instance does.
    [autoMeta.managedBy, agents === undefined ? '' : managedByValue],
    [autoMeta.clusterUid, agents === undefined ? '' : clusterUid],
  ] as const;
  const automatic = all.filter(([, value]) => value !== '');
  // They register Services only. Consul takes no more keys than these.
  const vendor =
    consulK8s?.meta === true && origin.service !== '' ? consulK8sMeta(origin, places.nodeZone) : [];
  const room = mostKeys - declaration.meta.size - automatic.length - (healthUrl === undefined ? 0 : 1);
  return sortedRecord([
    ...vendor.slice(0, Math.max(0, room)),
    ...declaration.meta,
    ...(healthUrl === undefined ? [] : [['health_url', healthUrl] as const]),
    ...automatic,
  ]);
}

/** In the form Kubernetes writes, to the second; empty when unknown. */
const kubeTime = (wall: number): string =>
  wall === 0 ? '' : `${new Date(wall).toISOString().slice(0, 19)}Z`;

function checksOf(
  id: InstanceId,
  health: Health | undefined,
  maintenance: string | undefined,
  { agents }: DesiredOptions,
): Check[] {
  const checks: Check[] = [];
  if (health !== undefined) {
    const ttl = agents && { type: 'ttl', definition: { kind: 'ttl', ttlMs: agents.ttlMs } as const };
    checks.push({ ...readinessCheck(id), ...health, ...ttl });
  }
  if (maintenance !== undefined) {
    checks.push({ ...maintenanceCheck(id), status: 'critical', output: maintenance });
  }
  return checks;
}
