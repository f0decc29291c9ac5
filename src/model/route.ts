import type { Scope } from './scope.ts';

/** Kinds whose objects say by which hosts something is reached from outside the cluster. */
export const routeKinds = ['Ingress', 'HTTPRoute', 'GRPCRoute', 'TLSRoute'] as const;
export type RouteKind = (typeof routeKinds)[number];

/** What may be watched beside pods and Services: `sync.sources`. */
export const routeSources = ['ingresses', 'gateways'] as const;
export type RouteSource = (typeof routeSources)[number];

/** What has to be watched for routes of this kind. */
export const sourceOfRoute = (kind: RouteKind): RouteSource =>
  kind === 'Ingress' ? 'ingresses' : 'gateways';

/** The resources of these kinds, and of what routes attach to. */
export const routeResources = ['ingresses', 'httproutes', 'grpcroutes', 'tlsroutes', 'gateways'] as const;
export type RouteResource = (typeof routeResources)[number];

/** `Ingress` → `ingresses` */
export const resourceOfRoute = (kind: RouteKind): RouteResource =>
  kind === 'Ingress' ? 'ingresses' : (`${kind.toLowerCase()}s` as RouteResource);

/** Names are unique within a kind and a namespace. */
export interface RouteRef {
  readonly kind: RouteKind;
  readonly namespace: string;
  readonly name: string;
}

/** A Gateway that a route of the Gateway API names in `spec.parentRefs`. */
export interface RouteParent {
  readonly namespace: string;
  readonly name: string;
  /** Only this listener; empty: any. */
  readonly listener: string;
  /** Only listeners on this port; 0: any. */
  readonly port: number;
  /** Whether the Gateway's controller has accepted the route for this reference (`status.parents`). */
  readonly accepted: boolean;
  /** Why it has not, as far as it says so. */
  readonly message: string;
}

/**
 * The fields that are kept of an Ingress (networking.k8s.io/v1) or of a route of the Gateway API. Of one without
 * annotations nothing but its identity is kept.
 */
export interface RouteRecord extends RouteRef {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly deleting: boolean;
  /** Only annotations under our prefix, and without it. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Those that rules for tags and meta use. */
  readonly labels: Readonly<Record<string, string>>;
  /** Absent when its own annotations alone decide. */
  readonly scope?: Scope;
  /** In the order of the object. Empty: every host. */
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
  /** Ingress: the hosts of `spec.tls`; an empty text stands for every host. */
  readonly tlsHosts: readonly string[];
  /** Ingress: IP addresses and host names in `status.loadBalancer`. */
  readonly addresses: readonly string[];
  /** Routes of the Gateway API. */
  readonly parents: readonly RouteParent[];
}

/** How many hosts, paths, addresses and parents of one object are used. Records keep one more, so that an excess shows. */
export const mostOfRoute = 64;

/** The value of meta `kube-route`, and its key elsewhere: `Ingress/web`. Names hold no slash. */
export const routeText = ({ kind, name }: Pick<RouteRef, 'kind' | 'name'>): string => `${kind}/${name}`;

/** The route that `routeText()` wrote; undefined for other texts. */
export function parseRoute(text: string): Pick<RouteRef, 'kind' | 'name'> | undefined {
  const [word, name = '', ...rest] = text.split('/');
  const kind = routeKinds.find((each) => each === word);
  return kind === undefined || name === '' || rest.length > 0 ? undefined : { kind, name };
}
