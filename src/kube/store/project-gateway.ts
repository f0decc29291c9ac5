import type { KubernetesObject } from '@kubernetes/client-node';
import { cutToBytes } from '../../lib/cut-to-bytes.ts';
import type { GatewayListener, GatewayRecord, StatusCondition } from '../../model/gateway.ts';
import { mostOfRoute } from '../../model/route.ts';
import type { InternPool } from './intern-pool.ts';

export interface WrittenCondition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** What is read of the spec and status of a Gateway. */
export interface WrittenGateway extends KubernetesObject {
  readonly spec?: { readonly listeners?: readonly WrittenListener[] };
  readonly status?: {
    readonly addresses?: readonly { readonly type?: string; readonly value?: string }[];
    readonly conditions?: readonly WrittenCondition[];
    readonly listeners?: readonly {
      readonly name?: string;
      readonly conditions?: readonly WrittenCondition[];
    }[];
  };
}

interface WrittenListener {
  readonly name?: string;
  readonly hostname?: string;
  readonly port?: number;
  readonly protocol?: string;
  readonly allowedRoutes?: {
    readonly namespaces?: { readonly from?: string };
    readonly kinds?: readonly { readonly kind?: string }[];
  };
}

/** In bytes. */
const longestMessage = 256;

/** Returns the projection of Gateways (gateway.networking.k8s.io/v1) to GatewayRecords. */
export function gatewayProjection(pool: InternPool): (gateway: WrittenGateway) => GatewayRecord {
  return ({ metadata = {}, spec, status }) => {
    const listenerOf = ({
      name = '',
      hostname = '',
      port = 0,
      protocol = '',
      allowedRoutes,
    }: WrittenListener) => {
      const answer = status?.listeners?.find((each) => each.name === name);
      return {
        name,
        hostname,
        port,
        protocol,
        ownNamespaceOnly: (allowedRoutes?.namespaces?.from ?? 'Same') === 'Same',
        kinds: (allowedRoutes?.kinds ?? []).slice(0, 8).map(({ kind = '' }) => kind),
        programmed: conditionOf(answer?.conditions, 'Programmed'),
      } satisfies GatewayListener;
    };
    return {
      uid: metadata.uid ?? '',
      namespace: pool.string(metadata.namespace ?? ''),
      name: metadata.name ?? '',
      resourceVersion: metadata.resourceVersion ?? '',
      deleting: Boolean(metadata.deletionTimestamp),
      // NamedAddress is the provider's own name for one, which nothing can connect to.
      addresses: (status?.addresses ?? [])
        .filter(({ type = 'IPAddress', value }) => value && (type === 'IPAddress' || type === 'Hostname'))
        .slice(0, mostOfRoute)
        .map(({ value = '' }) => value),
      listeners: pool.value((spec?.listeners ?? []).slice(0, mostOfRoute).map(listenerOf)),
      accepted: pool.value(conditionOf(status?.conditions, 'Accepted')),
      programmed: pool.value(conditionOf(status?.conditions, 'Programmed')),
    };
  };
}

/** The condition of this type, with as much of its texts as is shown. */
export function conditionOf(conditions: readonly WrittenCondition[] = [], type: string): StatusCondition {
  const { status, reason = '', message = '' } = conditions.find((each) => each.type === type) ?? {};
  return {
    status: status === 'True' || status === 'False' ? status : 'Unknown',
    reason: cutToBytes(reason, longestMessage),
    message: cutToBytes(message, longestMessage),
  };
}
