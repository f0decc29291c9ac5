import type { V1Endpoint, V1EndpointSlice } from '@kubernetes/client-node';
import type { Endpoint, EndpointSliceRecord, SlicePort } from '../../model/endpoint-slice.ts';
import type { InternPool } from './intern-pool.ts';

const flag = { ready: 1, serving: 2, terminating: 4 } as const;

/** addresses, node, zone, flags, pod name, pod uid */
type PackedEndpoint = readonly [readonly string[], string, string, number, string, string];

/**
 * An EndpointSliceRecord that keeps its endpoints as one string until they are read. As objects they would take three
 * times the memory, and those of Services without the annotations are never read: in most clusters nearly all.
 */
class SlimEndpointSlice implements EndpointSliceRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly service: string;
  readonly addressType: string;
  readonly ports: readonly SlicePort[];
  /** All that is kept of the endpoints. Records are compared field by field, so it is one of them. */
  readonly packedEndpoints: string;
  readonly #pool: InternPool;
  #endpoints: readonly Endpoint[] | undefined;

  constructor(slice: V1EndpointSlice, pool: InternPool) {
    const { metadata = {} } = slice;
    this.uid = metadata.uid ?? '';
    this.namespace = pool.string(metadata.namespace ?? '');
    this.name = metadata.name ?? '';
    this.resourceVersion = metadata.resourceVersion ?? '';
    this.service = pool.string(metadata.labels?.['kubernetes.io/service-name'] ?? '');
    this.addressType = pool.string(slice.addressType ?? '');
    // A port of null stands for all ports: there is nothing to connect to, so it is left out.
    this.ports = pool.value(
      (slice.ports ?? []).flatMap(({ name = '', port, protocol = 'TCP' }) =>
        typeof port === 'number' ? [{ name, port, protocol }] : [],
      ),
    );
    this.#pool = pool;
    this.packedEndpoints = JSON.stringify((slice.endpoints ?? []).map(pack));
  }

  get endpoints(): readonly Endpoint[] {
    this.#endpoints ??= (JSON.parse(this.packedEndpoints) as readonly PackedEndpoint[]).map((endpoint) =>
      unpack(endpoint, this.#pool),
    );
    return this.#endpoints;
  }

  share(before: EndpointSliceRecord): void {
    const known = new Map(before.endpoints.map((endpoint) => [JSON.stringify(endpoint), endpoint]));
    this.#endpoints = this.endpoints.map((endpoint) => known.get(JSON.stringify(endpoint)) ?? endpoint);
  }
}

/** Returns the projection of EndpointSlices (discovery.k8s.io/v1) to EndpointSliceRecords. */
export function endpointSliceProjection(pool: InternPool): (slice: V1EndpointSlice) => EndpointSliceRecord {
  return (slice) => new SlimEndpointSlice(slice, pool);
}

function pack({ addresses, nodeName, zone, conditions, targetRef }: V1Endpoint): PackedEndpoint {
  const ready = conditions?.ready ?? true;
  const pod = targetRef?.kind === 'Pod' ? targetRef : undefined;
  const flags =
    (ready ? flag.ready : 0) |
    ((conditions?.serving ?? ready) ? flag.serving : 0) |
    (conditions?.terminating ? flag.terminating : 0);
  return [addresses ?? [], nodeName ?? '', zone ?? '', flags, pod?.name ?? '', pod?.uid ?? ''];
}

function unpack([addresses, node, zone, flags, podName, podUid]: PackedEndpoint, pool: InternPool): Endpoint {
  return {
    addresses,
    node: pool.string(node),
    zone: pool.string(zone),
    ready: (flags & flag.ready) !== 0,
    serving: (flags & flag.serving) !== 0,
    terminating: (flags & flag.terminating) !== 0,
    podName,
    podUid,
  };
}
