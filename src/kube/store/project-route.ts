import type { KubernetesObject, V1Ingress } from '@kubernetes/client-node';
import { keptAnnotations } from '../../desired/kept-annotations.ts';
import { cutToBytes } from '../../lib/cut-to-bytes.ts';
import { mostOfRoute, type RouteKind, type RouteParent, type RouteRecord } from '../../model/route.ts';
import type { InternPool } from './intern-pool.ts';
import { conditionOf, type WrittenCondition } from './project-gateway.ts';
import { type UsesLabel, usedLabels } from './used-labels.ts';
import { labels, list, optionalPort, shortText, text } from './written.ts';

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
    labels: pool.value(labels(usedLabels(object.metadata?.labels, usesLabel))),
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
  const rules = list('spec.rules', spec?.rules);
  // A rule without a host, and a default backend, answer for every host.
  const isForAll = rules.length === 0 || rules.some(({ host }) => !host);
  const paths = rules.flatMap(({ http }) => list('spec.rules.http.paths', http?.paths));
  const tls = list('spec.tls', spec?.tls).flatMap(({ hosts }) => {
    const own = list('spec.tls.hosts', hosts).map((host) => text('spec.tls.hosts', host));
    return own.length === 0 ? [''] : own;
  });
  const entries = list('status.loadBalancer.ingress', status?.loadBalancer?.ingress, mostOfRoute + 1);
  return {
    ...nothing,
    hosts: isForAll ? [] : kept(rules.map(({ host }) => text('spec.rules.host', host))),
    paths: keptPaths(paths.map(({ path }) => text('spec.rules.http.paths.path', path))),
    tlsHosts: kept(tls),
    addresses: kept(
      entries.flatMap(({ ip, hostname }) => {
        const address = text('status.loadBalancer.ingress', ip || hostname);
        return address === '' ? [] : [cutToBytes(address, longestHost)];
      }),
    ),
  };
}

function ofRoute({ metadata, spec, status }: WrittenRoute): Own {
  const answered = list('status.parents', status?.parents, mostAnswers).map(({ parentRef, conditions }) => ({
    parent: isGateway(parentRef ?? {}) ? parentOf(parentRef ?? {}, metadata?.namespace) : undefined,
    accepted: conditionOf(conditions, 'Accepted'),
  }));
  const parents = list('spec.parentRefs', spec?.parentRefs).filter(isGateway).slice(0, mostOfRoute);
  return {
    ...nothing,
    hosts: kept(list('spec.hostnames', spec?.hostnames).map((host) => text('spec.hostnames', host))),
    paths: keptPaths(list('spec.rules', spec?.rules).flatMap(pathsOf)),
    parents: parents.map((ref) => {
      const parent = parentOf(ref, metadata?.namespace);
      const answers = answered.filter(
        (answer) => answer.parent !== undefined && isSame(answer.parent, parent),
      );
      const [first] = answers;
      return {
        ...parent,
        accepted: answers.some(({ accepted }) => accepted.status === 'True'),
        message:
          first === undefined
            ? ''
            : [first.accepted.reason, first.accepted.message].filter(Boolean).join(': '),
      };
    }),
  };
}

type Rule = NonNullable<NonNullable<WrittenRoute['spec']>['rules']>[number];

const pathsOf = ({ matches }: Rule): readonly string[] =>
  list('spec.rules.matches', matches).map(({ path, method }) => {
    if (typeof method !== 'object' || method === null) return text('spec.rules.matches.path', path?.value);
    const at = 'spec.rules.matches.method';
    return `/${text(at, method.service)}/${text(at, method.method)}`;
  });

type Parent = Omit<RouteParent, 'accepted' | 'message'>;

const parentOf = ({ namespace, name, sectionName, port: number }: ParentRef, own = ''): Parent => ({
  namespace: shortText('parentRef.namespace', namespace, longestHost) || own,
  name: shortText('parentRef.name', name, longestHost),
  listener: shortText('parentRef.sectionName', sectionName, longestHost),
  port: optionalPort('parentRef.port', number),
});

const isSame = (one: Parent, other: Parent): boolean =>
  one.name === other.name &&
  one.namespace === other.namespace &&
  one.listener === other.listener &&
  one.port === other.port;

/** A route may also have a Service (in a mesh) or a ListenerSet as its parent. */
const isGateway = ({ group, kind }: ParentRef): boolean =>
  (group ?? 'gateway.networking.k8s.io') === 'gateway.networking.k8s.io' && (kind ?? 'Gateway') === 'Gateway';

/** How many controllers may say something about a route. The API allows half of it. */
const mostAnswers = 64;

/** In characters, and in bytes where a longer text is cut. */
const longestHost = 253;

/** Each once, in the order of the object, and one more than are used. */
function kept(values: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const value of values) {
    if (value.length > longestHost) continue;
    found.add(value);
    if (found.size > mostOfRoute) break;
  }
  return [...found];
}

/** In characters; a path of the Gateway API has at most as many. */
const longestPath = 1_024;

/** The first paths, each once, and at least as many as there is room for in meta; see `listMeta()`. */
function keptPaths(values: readonly string[]): readonly string[] {
  const found = new Set<string>();
  let characters = 0;
  for (const value of values) {
    if (value === '' || value.length > longestPath || found.has(value)) continue;
    found.add(value);
    characters += value.length;
    if (found.size > mostOfRoute || characters > longestPath) break;
  }
  return [...found];
}
