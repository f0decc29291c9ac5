import type { NamespaceRecord } from '../model/namespace.ts';
import type { PodRecord } from '../model/pod.ts';
import type { Problem } from '../model/problem.ts';
import type { RouteRecord } from '../model/route.ts';
import { asksItself, type Scope } from '../model/scope.ts';
import type { ServiceRecord } from '../model/service.ts';
import { annotations as known } from './annotations.ts';
import { metaPrefix, servicesField } from './fields.ts';
import { folded, glob } from './glob.ts';
import { type LabelSelector, labelSelector } from './label-selector.ts';
import { didYouMean, quote } from './mistake.ts';
import { readDefaults } from './namespace-defaults.ts';

/** What may be registered without annotations. */
export const defaultKinds = ['none', 'services', 'pods'] as const;

/** `spec.type`; `Headless` is a ClusterIP Service without an address. */
export const serviceTypes = ['ClusterIP', 'Headless', 'NodePort', 'LoadBalancer', 'ExternalName'] as const;

/** Nothing of these namespaces is registered by default, unless the configuration has an `exclude` of its own. */
export const systemNamespaces: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease'];

/** As configured; see `sync` in config/schema.ts. */
export interface SyncRules {
  readonly default: (typeof defaultKinds)[number];
  readonly namespaces: {
    readonly include?: readonly string[] | undefined;
    readonly exclude?: readonly string[] | undefined;
    readonly selector?: string | undefined;
  };
  readonly serviceTypes: readonly (typeof serviceTypes)[number][];
  readonly labelSelector?: string | undefined;
  readonly namespaceAnnotations: readonly string[];
}

/** What a namespace means for all objects in it. */
export interface NamespaceScope extends Pick<Scope, 'outside' | 'defaults'> {
  /** Whether objects in it are registered by default. */
  readonly takesDefault: boolean;
  /** What is wrong with the Namespace's own annotations. */
  readonly problems: readonly Problem[];
}

/**
 * Why an object is not registered by default.
 *
 * - `off`       objects of its kind are not
 * - `namespace` those of its namespace are not
 * - `own`       it says itself what it asks for, or that it asks for nothing
 * - `api`       it is the Service of the API server
 * - `type`      Services of its type are not
 * - `labels`    it does not have the labels
 * - `ports`     it declares no port
 * - `workload`  it is a pod of a Job, or one that a node runs by itself
 */
export type NotByDefault = 'off' | 'namespace' | 'own' | 'api' | 'type' | 'labels' | 'ports' | 'workload';

type Annotations = Readonly<Record<string, string>>;
type Asking = Pick<ServiceRecord, 'annotations' | 'scope'>;

/**
 * What objects ask for, all in all. The order is the same for every field: the object's own annotation, then that of
 * its Namespace, then what the configuration says.
 */
export interface Sync {
  /** Whether Namespaces have to be read. */
  readonly readsNamespaces: boolean;
  /** `record`: undefined when it was not read. */
  namespace(name: string, record: NamespaceRecord | undefined): NamespaceScope;
  pod(pod: PodRecord, namespace: NamespaceScope): Asking;
  service(service: ServiceRecord, namespace: NamespaceScope): Asking;
  /** No Ingress and no route is registered by default. */
  route(route: RouteRecord, namespace: NamespaceScope): Asking;
  /** Undefined when it is registered by default. */
  notByDefault(object: PodRecord | ServiceRecord, namespace: NamespaceScope): NotByDefault | undefined;
}

/** Undefined when the rules change nothing: every object then speaks for itself. */
export function createSync(rules: SyncRules): Sync | undefined {
  const { include, exclude, selector } = rules.namespaces;
  const readsNamespaces = needsNamespaces(rules);
  const isNarrowed = include !== undefined || exclude !== undefined || readsNamespaces;
  if (rules.default === 'none' && !isNarrowed) return undefined;
  const namespace = namespaceRule(
    rules,
    readsNamespaces,
    selector === undefined ? undefined : labelSelector(selector),
  );
  const notByDefault = defaultRule(rules);
  const asking = (
    object: PodRecord | ServiceRecord,
    scope: NamespaceScope,
    implied: () => Annotations,
  ): Asking => {
    const { annotations } = object;
    const { outside, defaults } = scope;
    if (outside !== undefined && outside !== 'unknown')
      return { annotations: nothing, scope: outsides[outside] };
    const byDefault = notByDefault(object, scope) === undefined;
    if (!byDefault && defaults === undefined && outside === undefined) return { annotations };
    return {
      annotations: byDefault ? { ...implied(), ...annotations } : annotations,
      scope: {
        ...(outside === undefined ? {} : { outside }),
        ...(byDefault ? { byDefault } : {}),
        ...(defaults === undefined ? {} : { defaults }),
      },
    };
  };
  return {
    readsNamespaces,
    namespace,
    notByDefault,
    service: (service, scope) =>
      asking(service, scope, () => ({ service: 'true', ...firstPort(service.ports, scope) })),
    pod: (pod, scope) =>
      asking(pod, scope, () => ({ service: serviceOfPod(pod), ...firstPort(pod.ports, scope) })),
    route: routeRule,
  };
}

/** Whether Namespaces have to be read. */
export const needsNamespaces = ({ namespaces, namespaceAnnotations }: SyncRules): boolean =>
  namespaces.selector !== undefined || namespaceAnnotations.length > 0;

function routeRule({ annotations }: RouteRecord, { outside, defaults }: NamespaceScope): Asking {
  if (outside !== undefined && outside !== 'unknown')
    return { annotations: nothing, scope: outsides[outside] };
  if (outside === undefined && defaults === undefined) return { annotations };
  // They are about pods and Services; a route has the ports of its listeners and the address of its status.
  const { port: _port, address: _address, ...rest } = defaults ?? {};
  return { annotations, scope: { ...(outside === undefined ? {} : { outside }), defaults: rest } };
}

const nothing: Annotations = {};
const outsides = { excluded: { outside: 'excluded' }, unselected: { outside: 'unselected' } } as const;

function namespaceRule(
  { default: kind, namespaces, namespaceAnnotations }: SyncRules,
  readsNamespaces: boolean,
  isSelected: LabelSelector | undefined,
): Sync['namespace'] {
  const { include, exclude } = namespaces;
  const isIncluded = include === undefined ? () => true : anyOf(include);
  const isExcluded = anyOf(exclude ?? []);
  const system = new Set(exclude === undefined ? systemNamespaces : []);
  // Who names one of them means it.
  for (const name of include ?? []) system.delete(name);
  const isAllowed = allowedNames(namespaceAnnotations);
  const problems: readonly Problem[] = [];
  return (name, record) => {
    const takesDefault = kind !== 'none' && !system.has(name);
    if (isExcluded(name) || !isIncluded(name)) return { outside: 'excluded', takesDefault: false, problems };
    if (!readsNamespaces) return { takesDefault, problems };
    if (record === undefined) return { outside: 'unknown', takesDefault, problems };
    if (isSelected?.(record.labels) === false)
      return { outside: 'unselected', takesDefault: false, problems };
    const { defaults, problems: own } = readDefaults(record, isAllowed);
    return { takesDefault, problems: own, ...(defaults === undefined ? {} : { defaults }) };
  };
}

function defaultRule({
  default: kind,
  serviceTypes: types,
  labelSelector: selector,
}: SyncRules): Sync['notByDefault'] {
  const isTaken = selector === undefined ? () => true : labelSelector(selector);
  return (object, { takesDefault }) => {
    if (kind !== ('ips' in object ? 'pods' : 'services')) return 'off';
    if (!takesDefault) return 'namespace';
    if (asksItself(object.annotations)) return 'own';
    if (!('ips' in object)) {
      if (object.namespace === 'default' && object.name === 'kubernetes') return 'api';
      if (!types.some((type) => type === typeOf(object))) return 'type';
    } else if (!object.workload) return 'workload';
    if (!isTaken(object.labels)) return 'labels';
    return object.ports.length === 0 ? 'ports' : undefined;
  };
}

const typeOf = ({ type, clusterIPs }: ServiceRecord): string =>
  type === 'ClusterIP' && clusterIPs[0] === 'None' ? 'Headless' : type;

/** The Consul service of a pod that is registered by default. */
const serviceOfPod = ({ labels, workload = '' }: PodRecord): string =>
  labels['app.kubernetes.io/name'] || workload;

/** Of several ports the first, as with others that register Services. */
function firstPort(
  ports: readonly { readonly name: string; readonly port: number }[],
  { defaults }: NamespaceScope,
): Annotations {
  const [first] = ports;
  if (first === undefined || defaults?.['port'] !== undefined) return nothing;
  if (ports.every(({ port }) => port === first.port)) return nothing;
  return { port: first.name === '' ? String(first.port) : first.name };
}

function anyOf(patterns: readonly string[]): (name: string) => boolean {
  const fits = patterns.map(glob);
  return (name) => fits.some((fit) => fit(name));
}

/** What an object has to say itself. */
const ownOnly: ReadonlySet<string> = new Set(['service', servicesField]);

/** Whether an annotation, by its name without the prefix, may be a default of a Namespace. */
export function allowedNames(patterns: readonly string[]): (name: string) => boolean {
  const isAllowed = anyOf(patterns);
  return (name) => isAllowed(folded(name)) && !ownOnly.has(name);
}

/** What is wrong with a pattern of annotations that may stand on a Namespace. */
export function namespaceAnnotationMistake(pattern: string): string | undefined {
  if (ownOnly.has(pattern)) return `${quote(pattern)} cannot be a default; set it on each object`;
  const names = Object.keys(known).filter((name) => !ownOnly.has(name));
  if (pattern.startsWith(metaPrefix) && pattern.length > metaPrefix.length) return undefined;
  if (names.some((name) => glob(pattern)(folded(name)))) return undefined;
  return `${quote(pattern)} is not an annotation${didYouMean(pattern, names) || '; write "tags", "meta.*" or "check-*"'}`;
}
