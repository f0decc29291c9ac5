import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import { type Asked, type Asking, askings } from './asking.ts';
import type { Effective } from './default-sync.ts';
import type { Status } from './truth.ts';

/** What the oracle reads of pods and nodes. */
export interface Pod {
  readonly uid: string;
  readonly node: string;
  readonly ip: string | undefined;
  readonly hostIp: string | undefined;
  readonly finished: boolean;
  readonly deleting: boolean;
  readonly ready: boolean;
  readonly containersReady: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly asks: Effective;
  readonly askings: readonly Asking[];
}

interface RawStatus {
  readonly phase?: string;
  readonly podIP?: string;
  readonly hostIP?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly addresses?: readonly { readonly type: string; readonly address: string }[];
}

export function podOf(object: KubeObject, asks: Effective): Pod {
  const { metadata } = object;
  const status = (object['status'] ?? {}) as RawStatus;
  return {
    uid: metadata.uid,
    node: ((object['spec'] ?? {}) as { readonly nodeName?: string }).nodeName ?? '',
    ip: status.podIP,
    hostIp: status.hostIP,
    finished: status.phase === 'Succeeded' || status.phase === 'Failed',
    deleting: metadata.deletionTimestamp !== undefined,
    ready: isTrue(status, 'Ready'),
    containersReady: isTrue(status, 'ContainersReady'),
    labels: metadata.labels ?? {},
    asks,
    askings: askings(
      asks.annotations,
      { namespace: metadata.namespace ?? '', kubeService: '' },
      asks.defaults,
    ),
  };
}

const isTrue = (status: RawStatus, type: string): boolean =>
  status.conditions?.some((each) => each.type === type && each.status === 'True') ?? false;

export function addressOf(node: KubeObject | undefined): string | undefined {
  const status = (node?.['status'] ?? {}) as RawStatus;
  return status.addresses?.find(({ type }) => type === 'InternalIP')?.address;
}

export function nodeStatus(node: KubeObject | undefined): Status | undefined {
  if (node === undefined) return undefined;
  return isTrue((node['status'] ?? {}) as RawStatus, 'Ready') ? 'passing' : 'critical';
}

export function statusOf({ check, drain }: Asked, ready: boolean, terminating: boolean): Status | undefined {
  if (terminating) return ready && drain === 'warning' ? 'warning' : 'critical';
  if (check === 'none') return undefined;
  return ready ? 'passing' : 'critical';
}
