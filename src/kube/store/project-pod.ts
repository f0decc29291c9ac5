import type { V1Container, V1Pod, V1PodCondition } from '@kubernetes/client-node';
import { type Dialect, translatedPod } from '../../desired/dialects/dialect.ts';
import { registeredGate } from '../../desired/health.ts';
import { keptAnnotations } from '../../desired/kept-annotations.ts';
import { mostLabels } from '../../desired/placeholders.ts';
import { mostPorts } from '../../desired/ports.ts';
import { cutToBytes } from '../../lib/cut-to-bytes.ts';
import type { ContainerPort, GateState, PodRecord } from '../../model/pod.ts';
import type { InternPool } from './intern-pool.ts';

const flag = { ready: 1, containersReady: 2, deleting: 4, hostNetwork: 8 } as const;

/** Bounds of what is kept of a pod, which anybody may write: a record has at most some 64 KB. */
const mostGates = 32;
/** In bytes. */
const longestMessage = 1_024;

/** A PodRecord with its booleans in one integer, and everything that repeats from pod to pod shared. */
class SlimPod implements PodRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly createdAt: number;
  readonly node: string;
  readonly ips: readonly string[];
  readonly hostIps: readonly string[];
  readonly phase: string;
  readonly readySince: number | undefined;
  readonly reason: string;
  readonly message: string;
  readonly gates: readonly GateState[];
  readonly ports: readonly ContainerPort[];
  readonly labels: Readonly<Record<string, string>>;
  readonly workload: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly flags: number;

  constructor(
    whole: V1Pod,
    prefix: string,
    pool: InternPool,
    dialects: readonly Dialect[],
    keepsWorkload: boolean,
  ) {
    const pod = hasEnded(whole) ? remains(whole) : whole;
    const { metadata = {}, spec, status } = pod;
    const conditions = status?.conditions ?? [];
    const isTrue = (type: string) => conditions.some((each) => each.type === type && each.status === 'True');
    const notReady = conditions.find((each) => each.type === 'Ready' && each.status !== 'True');
    const ips = status?.podIPs ?? (status?.podIP === undefined ? [] : [{ ip: status.podIP }]);
    const hostIps = status?.hostIPs ?? (status?.hostIP === undefined ? [] : [{ ip: status.hostIP }]);
    this.uid = metadata.uid ?? '';
    this.namespace = pool.string(metadata.namespace ?? '');
    this.name = metadata.name ?? '';
    this.resourceVersion = metadata.resourceVersion ?? '';
    this.createdAt = milliseconds(metadata.creationTimestamp);
    this.node = pool.string(spec?.nodeName ?? '');
    this.ips = ips.map(({ ip }) => ip);
    this.hostIps = pool.value(hostIps.map(({ ip }) => ip));
    this.phase = pool.string(status?.phase ?? '');
    this.readySince = readySince(conditions);
    this.reason = pool.string(notReady?.reason ?? '');
    this.message = pool.string(cutToBytes(notReady?.message ?? '', longestMessage));
    this.gates = pool.value(
      keptGates(
        (spec?.readinessGates ?? []).map(({ conditionType }) => ({
          type: conditionType,
          status: isTrue(conditionType),
        })),
      ),
    );
    this.ports = pool.value(portsOf([...(spec?.containers ?? []), ...sidecars(spec?.initContainers)]));
    this.labels = pool.value(keptLabels(metadata.labels));
    this.workload = keepsWorkload ? pool.string(workloadOf(metadata)) : '';
    this.annotations = pool.value(
      keptAnnotations(prefix, metadata.annotations, translatedPod(dialects, pod)),
    );
    this.flags =
      (isTrue('Ready') ? flag.ready : 0) |
      (isTrue('ContainersReady') ? flag.containersReady : 0) |
      (metadata.deletionTimestamp ? flag.deleting : 0) |
      (spec?.hostNetwork === true ? flag.hostNetwork : 0);
  }

  get ready(): boolean {
    return (this.flags & flag.ready) !== 0;
  }

  get containersReady(): boolean {
    return (this.flags & flag.containersReady) !== 0;
  }

  get deleting(): boolean {
    return (this.flags & flag.deleting) !== 0;
  }

  get hostNetwork(): boolean {
    return (this.flags & flag.hostNetwork) !== 0;
  }
}

const hasEnded = ({ status }: V1Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** The record of a pod that has ended: its identity, and how it ended. Clusters keep thousands of them. */
function remains({ metadata = {}, status }: V1Pod): V1Pod {
  const { uid, namespace, name, resourceVersion, deletionTimestamp } = metadata;
  const identity = { uid, namespace, name, resourceVersion, deletionTimestamp };
  return { metadata: identity as typeof metadata, status: { phase: status!.phase! } };
}

/** One more than are looked at, so that it shows when there are more. */
function keptLabels(labels: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const names = Object.keys(labels);
  if (names.length <= mostLabels) return labels;
  return Object.fromEntries(names.slice(0, mostLabels + 1).map((name) => [name, labels[name]!]));
}

/** Of many gates only those that matter: the operator's own, and those that are not fulfilled. */
function keptGates(gates: readonly GateState[]): readonly GateState[] {
  if (gates.length <= mostGates) return gates;
  const rank = ({ type, status }: GateState): number => (type === registeredGate ? 0 : status ? 2 : 1);
  return [...gates].sort((a, b) => rank(a) - rank(b)).slice(0, mostGates);
}

function readySince(conditions: readonly V1PodCondition[]): number | undefined {
  const ready = conditions.find(({ type, status }) => type === 'Ready' && status === 'True');
  return ready && milliseconds(ready.lastTransitionTime);
}

/** A string, as the API sends it; the type is that of a client that parses. */
const milliseconds = (time: Date | undefined): number => Date.parse(String(time)) || 0;

/**
 * Returns the projection of Pods (core/v1) to PodRecords, sharing what repeats through `pool`.
 *
 * `annotationPrefix`: with its slash, `kube-registrar.io/`. `keepsWorkload`: whether to keep the name of its workload.
 */
export function podProjection(
  annotationPrefix: string,
  pool: InternPool,
  dialects: readonly Dialect[] = [],
  keepsWorkload = false,
): (pod: V1Pod) => PodRecord {
  return (pod) => new SlimPod(pod, annotationPrefix, pool, dialects, keepsWorkload);
}

/**
 * What controls the pod: its Deployment, StatefulSet, DaemonSet or other controller; a pod that nothing controls is
 * its own workload. Empty for pods of a Job, which serve nobody, and for those that a node runs by itself.
 */
function workloadOf({ name = '', labels, ownerReferences }: NonNullable<V1Pod['metadata']>): string {
  const owner = ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return name;
  if (owner.kind === 'Job' || owner.kind === 'Node') return '';
  // A Deployment names its ReplicaSets so.
  const suffix = `-${labels?.['pod-template-hash'] ?? ''}`;
  return owner.kind === 'ReplicaSet' && suffix !== '-' && owner.name.endsWith(suffix)
    ? owner.name.slice(0, -suffix.length)
    : owner.name;
}

/** Init containers that keep running beside the others (KEP-753): their ports are as good as any. */
const sidecars = (containers: readonly V1Container[] = []) =>
  containers.filter((container) => container.restartPolicy === 'Always');

/** One more than are looked at, so that it shows when there are more. */
function portsOf(containers: readonly V1Container[]): ContainerPort[] {
  const found: ContainerPort[] = [];
  for (const { ports = [] } of containers) {
    for (const { name = '', containerPort, protocol = 'TCP', hostPort, hostIP = '' } of ports) {
      // Bound to the loopback, it leads to the pod from its own host only.
      const leadsHere = hostPort && !/^(?:127\.|::1$)/.test(hostIP);
      found.push({ name, port: containerPort, protocol, ...(leadsHere ? { hostPort } : {}) });
      if (found.length > mostPorts) return found;
    }
  }
  return found;
}
