import type { KubernetesObject } from '@kubernetes/client-node';
import { cutToBytes } from '../../lib/cut-to-bytes.ts';
import { visible } from '../../lib/visible.ts';
import type { GatewayListener, GatewayRecord, StatusCondition } from '../../model/gateway.ts';
import { mostOfRoute } from '../../model/route.ts';
import type { InternPool } from './intern-pool.ts';
import { list, port, shortText } from './written.ts';

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
const longestHost = 253;
const longestWord = 63;
/** The API allows as many listeners, and fewer of the others. */
const most = mostOfRoute;

/** Returns the projection of Gateways (gateway.networking.k8s.io/v1) to GatewayRecords. */
export function gatewayProjection(pool: InternPool): (gateway: WrittenGateway) => GatewayRecord {
  return ({ metadata = {}, spec, status }) => {
    const answers = list('status.listeners', status?.listeners, most);
    const listenerOf = (listener: WrittenListener): GatewayListener => {
      const { allowedRoutes } = listener;
      const name = shortText('spec.listeners.name', listener.name, longestHost);
      const kinds = list('spec.listeners.allowedRoutes.kinds', allowedRoutes?.kinds, 8);
      return {
        name,
        hostname: shortText('spec.listeners.hostname', listener.hostname, longestHost),
        port: port('spec.listeners.port', listener.port),
        protocol: shortText('spec.listeners.protocol', listener.protocol, longestWord),
        ownNamespaceOnly: (allowedRoutes?.namespaces?.from ?? 'Same') === 'Same',
        kinds: kinds.map(({ kind }) => shortText('spec.listeners.allowedRoutes.kinds', kind, longestWord)),
        programmed: conditionOf(answers.find((each) => each.name === name)?.conditions, 'Programmed'),
      };
    };
    return {
      uid: metadata.uid ?? '',
      namespace: pool.string(metadata.namespace ?? ''),
      name: metadata.name ?? '',
      resourceVersion: metadata.resourceVersion ?? '',
      deleting: Boolean(metadata.deletionTimestamp),
      // NamedAddress is the provider's own name for one, which nothing can connect to.
      addresses: list('status.addresses', status?.addresses, most)
        .filter(({ type }) => (type ?? 'IPAddress') === 'IPAddress' || type === 'Hostname')
        .map(({ value }) => shortText('status.addresses', value, longestHost))
        .filter((value) => value !== ''),
      listeners: pool.value(list('spec.listeners', spec?.listeners, most).map(listenerOf)),
      accepted: pool.value(conditionOf(status?.conditions, 'Accepted')),
      programmed: pool.value(conditionOf(status?.conditions, 'Programmed')),
    };
  };
}

/** The condition of this type, with as much of its texts as is shown. A controller may take them from what tenants write. */
export function conditionOf(
  conditions: readonly WrittenCondition[] | null | undefined,
  type: string,
): StatusCondition {
  const all = list('status.conditions', conditions, most);
  const { status, reason, message } = all.find((each) => each.type === type) ?? {};
  const shown = (value: string | undefined) =>
    cutToBytes(visible(shortText('status.conditions', value, longestMessage)), longestMessage);
  return {
    status: status === 'True' || status === 'False' ? status : 'Unknown',
    reason: shown(reason),
    message: shown(message),
  };
}
