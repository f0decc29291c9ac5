import { RegistrarError } from '../../lib/errors.ts';
import { type CheckStatus, checkStatus } from '../../model/check.ts';
import { originOf } from '../../model/origin.ts';
import { clusterUidKey } from '../../model/owner.ts';

/** One instance as a consumer sees it in Consul's health answer. */
export interface InstanceView {
  readonly service: string;
  readonly id: string;
  /** Name and uid of its pod. */
  readonly pod: string;
  readonly podUid: string;
  /** The Kubernetes node. */
  readonly node: string;
  /** `10.128.0.1:8080` */
  readonly address: string;
  readonly tags: readonly string[];
  /** The worst of its own and its node's checks. */
  readonly status: CheckStatus;
  /** Output of the check that keeps it from passing; empty while it passes. */
  readonly reason: string;
}

/** The instances of one service, sorted by pod. */
export type ServiceView = readonly InstanceView[];

/** `GET /v1/health/service/:service`, as far as it is read here. */
interface HealthEntry {
  readonly Node: { readonly Meta?: Readonly<Record<string, string>> | null };
  readonly Service: {
    readonly ID: string;
    readonly Service: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags?: readonly string[] | null;
    readonly Meta?: Readonly<Record<string, string>> | null;
  };
  readonly Checks: readonly {
    readonly Status: string;
    readonly Output: string;
    readonly ServiceID: string;
  }[];
}

const severity: Readonly<Record<CheckStatus, number>> = { passing: 0, warning: 1, critical: 2 };

/**
 * The instances in the body of a health answer that belong to the cluster with this uid: a Consul that others
 * use too may hold more. Throws `protocol` when the body is no such answer.
 */
export function serviceView(body: unknown, owner: string): ServiceView {
  if (!Array.isArray(body)) throw new RegistrarError('protocol', 'the health answer is no list');
  return (body as readonly HealthEntry[])
    .filter(({ Node }) => Node.Meta?.[clusterUidKey] === owner)
    .map(viewOf)
    .sort((a, b) => (a.pod < b.pod ? -1 : 1));
}

function viewOf({ Node, Service, Checks }: HealthEntry): InstanceView {
  const { pod, podUid, node } = originOf(Service.Meta ?? {});
  const [worst] = Checks.map(({ Status, Output, ServiceID }) => ({
    status: checkStatus(Status),
    output: ServiceID === '' ? `node: ${Output}` : Output,
  })).sort((a, b) => severity[b.status] - severity[a.status]);
  const { status, output } = worst ?? { status: 'passing', output: '' };
  return {
    service: Service.Service,
    id: Service.ID,
    pod: pod || Service.ID,
    podUid,
    node: node || originOf(Node.Meta ?? {}).node,
    address: `${Service.Address}:${Service.Port}`,
    tags: Service.Tags ?? [],
    status,
    reason: status === 'passing' ? '' : output,
  };
}

/** What changed between two views of a service. */
export interface Transition {
  /** `changed`: its status; `edited`: its address or tags, at the same status. */
  readonly kind: 'appeared' | 'changed' | 'edited' | 'left';
  /** As it is now; as it last was when it left. */
  readonly instance: InstanceView;
}

/** In the order of the instances now, then those that left. Another reason alone is no transition. */
export function transitions(before: ServiceView, after: ServiceView): readonly Transition[] {
  const old = new Map(before.map((instance) => [instance.id, instance]));
  const found = after.flatMap((instance): Transition[] => {
    const previous = old.get(instance.id);
    old.delete(instance.id);
    if (previous === undefined) return [{ kind: 'appeared', instance }];
    if (previous.status !== instance.status) return [{ kind: 'changed', instance }];
    return sameEntry(previous, instance) ? [] : [{ kind: 'edited', instance }];
  });
  return [...found, ...[...old.values()].map((instance): Transition => ({ kind: 'left', instance }))];
}

/** Whether two views show the same instances in the same state. */
export const sameView = (a: ServiceView, b: ServiceView): boolean =>
  a.length === b.length && transitions(a, b).length === 0;

const sameEntry = (a: InstanceView, b: InstanceView): boolean =>
  a.address === b.address && a.tags.join() === b.tags.join();

export const passingOf = (view: ServiceView): number =>
  view.filter(({ status }) => status === 'passing').length;
