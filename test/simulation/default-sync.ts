import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import type { ObjectStore } from '../../src/sandbox/kube/store.ts';
import { type Annotations, ours } from './asking.ts';
import { nameByRule } from './rules.ts';

/** `sync` of a configuration, as far as the simulator varies it. Of selectors it has `key=value` and `key!=value`. */
export interface DefaultSync {
  readonly default?: 'services' | 'pods';
  readonly namespaces?: {
    /** A `*` only at the end. */
    readonly include?: readonly string[];
    readonly exclude?: readonly string[];
    readonly selector?: string;
  };
  readonly serviceTypes?: readonly string[];
  readonly labelSelector?: string;
  readonly namespaceAnnotations?: readonly string[];
}

/** What an object asks for, all in all. */
export interface Effective {
  readonly annotations: Annotations;
  /** Of its Namespace: each holds where a declaration does not have the field itself. */
  readonly defaults: Annotations;
  /** Registered though no annotation of its own asks for it. */
  readonly byDefault: boolean;
  /** Its Namespace is not there: what is registered of it stays, and nothing comes. */
  readonly isUnknown: boolean;
}

/** Whether the operator has to read Namespaces. */
export const readsNamespaces = ({ namespaces, namespaceAnnotations = [] }: DefaultSync): boolean =>
  namespaces?.selector !== undefined || namespaceAnnotations.length > 0;

const systemNamespaces = ['kube-system', 'kube-public', 'kube-node-lease'];
const usualTypes = ['ClusterIP', 'Headless', 'NodePort', 'LoadBalancer'];
const nothing: Annotations = {};

/**
 * What objects ask for by the documents on registration without annotations. A second, direct reading that shares no
 * code with src/desired.
 */
export class DefaultReading {
  readonly #store: ObjectStore;
  readonly #sync: DefaultSync | undefined;

  constructor(store: ObjectStore, sync: DefaultSync | undefined) {
    this.#store = store;
    this.#sync = sync;
  }

  pod(pod: KubeObject): Effective {
    return this.#effective(pod, 'pods', () => {
      const workload = workloadOf(pod);
      if (workload === '') return undefined;
      const name = pod.metadata.labels?.['app.kubernetes.io/name'] ?? workload;
      const { containers } = pod['spec'] as { readonly containers: readonly { ports?: readonly Port[] }[] };
      return { service: nameByRule(name, pod.metadata.namespace ?? ''), ports: containers[0]?.ports ?? [] };
    });
  }

  service(service: KubeObject): Effective {
    return this.#effective(service, 'services', ({ serviceTypes = usualTypes }) => {
      const { namespace, name } = service.metadata;
      const spec = service['spec'] as {
        readonly type?: string;
        readonly clusterIP?: string;
        readonly ports?: readonly Port[];
      };
      const { type = 'ClusterIP', clusterIP, ports = [] } = spec;
      if (namespace === 'default' && name === 'kubernetes') return undefined;
      const told = type === 'ClusterIP' && clusterIP === 'None' ? 'Headless' : type;
      return serviceTypes.includes(told) ? { service: 'true', ports } : undefined;
    });
  }

  /** An Ingress or a route: only its own annotations ask for it. */
  route(route: KubeObject): Effective {
    return this.#effective(route, undefined, () => undefined);
  }

  #effective(
    object: KubeObject,
    kind: DefaultSync['default'],
    implied: (sync: DefaultSync) => { readonly service: string; readonly ports: readonly Port[] } | undefined,
  ): Effective {
    const own = ours(object);
    const sync = this.#sync;
    if (sync === undefined)
      return { annotations: own, defaults: nothing, byDefault: false, isUnknown: false };
    const { metadata } = object;
    const namespace = metadata.namespace ?? '';
    const { include, exclude, selector } = sync.namespaces ?? {};
    const outside = { annotations: nothing, defaults: nothing, byDefault: false, isUnknown: false };
    if (exclude?.some((pattern) => isNamed(pattern, namespace))) return outside;
    if (include !== undefined && !include.some((pattern) => isNamed(pattern, namespace))) return outside;
    let isUnknown = false;
    let defaults = nothing;
    if (readsNamespaces(sync)) {
      const record = this.#store.get('namespaces', undefined, namespace);
      if (record === undefined) isUnknown = true;
      else if (selector !== undefined && !fits(selector, record.metadata.labels)) return outside;
      else defaults = usableDefaults(ours(record), sync.namespaceAnnotations ?? []);
    }
    const asItIs = { annotations: own, defaults, byDefault: false, isUnknown };
    if (sync.default !== kind || 'service' in own || 'services' in own) return asItIs;
    const isSystem = exclude === undefined && systemNamespaces.includes(namespace);
    if (isSystem && include?.includes(namespace) !== true) return asItIs;
    if (sync.labelSelector !== undefined && !fits(sync.labelSelector, metadata.labels)) return asItIs;
    const { service, ports = [] } = implied(sync) ?? {};
    const [first] = ports;
    if (service === undefined || first === undefined) return asItIs;
    return { ...asItIs, annotations: { service, port: first.name, ...own }, byDefault: true };
  }
}

interface Port {
  readonly name: string;
}

function workloadOf({ metadata }: KubeObject): string {
  const { name, labels = {} } = metadata;
  const owners = (metadata['ownerReferences'] ?? []) as readonly { kind: string; name: string }[];
  const [owner] = owners;
  if (owner === undefined) return name;
  if (owner.kind === 'Job' || owner.kind === 'Node') return '';
  return owner.kind === 'ReplicaSet' ? owner.name.replace(`-${labels['pod-template-hash']}`, '') : owner.name;
}

const isNamed = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

function fits(selector: string, labels: Readonly<Record<string, string>> = {}): boolean {
  const [, key = '', sign, value] = /^(\w+)(!?=)(\w+)$/.exec(selector) ?? [];
  if (sign === undefined) throw new Error(`the simulator does not read the selector "${selector}"`);
  return (labels[key] === value) === (sign === '=');
}

/** Those that are allowed and right; the simulator writes no others than these. */
function usableDefaults(written: Annotations, allowed: readonly string[]): Annotations {
  const isRight: Readonly<Record<string, (value: string) => boolean>> = {
    tags: () => true,
    'meta.team': () => true,
    weight: (value) => /^[1-9]\d*$/.test(value),
    drain: (value) => ['critical', 'warning', 'deregister'].includes(value),
  };
  const usable = Object.entries(written).filter(
    ([name, value]) => allowed.some((pattern) => isNamed(pattern, name)) && isRight[name]?.(value) === true,
  );
  return Object.fromEntries(usable);
}
