import type { KubernetesObject, V1Ingress } from '@kubernetes/client-node';
import { keptAnnotations } from '../../desired/kept-annotations.ts';
import { mostOfRoute, type RouteKind, type RouteParent, type RouteRecord } from '../../model/route.ts';
import type { InternPool } from './intern-pool.ts';
import { conditionOf, type WrittenCondition } from './project-gateway.ts';
import { type UsesLabel, usedLabels } from './used-labels.ts';

/** What is read of the spec and status of an HTTPRoute, a GRPCRoute and a TLSRoute. */
export interface WrittenRoute extends KubernetesObject {
  readonly spec?: {
    readonly hostnames?: readonly string[];
    readonly parentRefs?: readonly ParentRef[];
    readonly rules?: readonly {
      readonly matches?: readonly {
        readonly path?: { readonly value?: string };
        readonly method?: string | { readonly service?: string; readonly method?: string };
      }[];
    }[];
  };
  readonly status?: {
    readonly parents?: readonly {
      readonly parentRef?: ParentRef;
      readonly conditions?: readonly WrittenCondition[];
    }[];
  };
}

interface ParentRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly sectionName?: string;
  readonly port?: number;
}

type Own = Pick<RouteRecord, 'labels' | 'hosts' | 'paths' | 'tlsHosts' | 'addresses' | 'parents'>;

/** Most routes of a cluster have no annotations. */
const nothing: Own = { labels: {}, hosts: [], paths: [], tlsHosts: [], addresses: [], parents: [] };

/**
 * Returns the projection of objects of this kind to RouteRecords.
 *
 * `usesLabel`: which labels are kept. Default: none.
 */
export function routeProjection(
  kind: RouteKind,
  annotationPrefix: string,
  pool: InternPool,
  usesLabel?: UsesLabel,
): (object: KubernetesObject) => RouteRecord {
  const own = (object: KubernetesObject): Own => ({
    ...(kind === 'Ingress' ? ofIngress(object as V1Ingress) : ofRoute(object as WrittenRoute)),
    labels: pool.value(usedLabels(object.metadata?.labels, usesLabel)),
  });
  return (object) => {
    const { metadata = {} } = object;
    const annotations = pool.value(keptAnnotations(annotationPrefix, metadata.annotations));
    return {
      kind,
      uid: metadata.uid ?? '',
      namespace: pool.string(metadata.namespace ?? ''),
      name: metadata.name ?? '',
      resourceVersion: metadata.resourceVersion ?? '',
      deleting: Boolean(metadata.deletionTimestamp),
      annotations,
      ...(Object.keys(annotations).length === 0 ? nothing : own(object)),
    };
  };
}

function ofIngress({ spec, status }: V1Ingress): Own {
  const rules = spec?.rules ?? [];
  // A rule without a host, and a default backend, answer for every host.
  const isForAll = rules.length === 0 || rules.some(({ host }) => !host);
  const entries = status?.loadBalancer?.ingress ?? [];
  return {
    ...nothing,
    hosts: isForAll ? [] : kept(rules.map(({ host }) => host)),
    paths: kept(rules.flatMap(({ http }) => http?.paths.map(({ path }) => path) ?? [])),
    tlsHosts: kept((spec?.tls ?? []).flatMap(({ hosts }) => (hosts?.length ? hosts : ['']))),
    addresses: kept(entries.map(({ ip, hostname }) => ip || hostname)),
  };
}

function ofRoute({ metadata, spec, status }: WrittenRoute): Own {
  const parentOf = (ref: ParentRef): RouteParent => {
    const answers = (status?.parents ?? []).filter(({ parentRef }) => isSame(parentRef ?? {}, ref));
    const conditions = answers.map((answer) => conditionOf(answer.conditions, 'Accepted'));
    const [first] = conditions;
    return {
      namespace: ref.namespace ?? metadata?.namespace ?? '',
      name: ref.name ?? '',
      listener: ref.sectionName ?? '',
      port: ref.port ?? 0,
      accepted: conditions.some(({ status: accepted }) => accepted === 'True'),
      message: first === undefined ? '' : [first.reason, first.message].filter(Boolean).join(': '),
    };
  };
  const isSame = (one: ParentRef, other: ParentRef): boolean =>
    isGateway(one) &&
    one.name === other.name &&
    (one.namespace ?? metadata?.namespace) === (other.namespace ?? metadata?.namespace) &&
    (one.sectionName ?? '') === (other.sectionName ?? '') &&
    (one.port ?? 0) === (other.port ?? 0);
  return {
    ...nothing,
    hosts: kept(spec?.hostnames ?? []),
    paths: kept(
      (spec?.rules ?? []).flatMap(
        ({ matches }) =>
          matches?.map(({ path, method }) =>
            typeof method === 'object' ? `/${method.service ?? ''}/${method.method ?? ''}` : path?.value,
          ) ?? [],
      ),
    ),
    parents: (spec?.parentRefs ?? []).filter(isGateway).slice(0, mostOfRoute).map(parentOf),
  };
}

/** A route may also have a Service (in a mesh) or a ListenerSet as its parent. */
const isGateway = ({ group = 'gateway.networking.k8s.io', kind = 'Gateway' }: ParentRef): boolean =>
  group === 'gateway.networking.k8s.io' && kind === 'Gateway';

/** Each once, in the order of the object, and one more than are used. */
function kept(values: readonly (string | undefined)[]): readonly string[] {
  const found = new Set<string>();
  for (const value of values) {
    if (value === undefined || value.length > longestText) continue;
    found.add(value);
    if (found.size > mostOfRoute) break;
  }
  return [...found];
}

/** In characters; a host has at most 253, and a path of the Gateway API 1,024. */
const longestText = 1_024;
