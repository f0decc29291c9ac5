import { parseAllDocuments } from 'yaml';

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** The operator's rights, by where they are needed. */
export interface ChartRules {
  /** In every namespace it watches. */
  readonly everywhere: readonly PolicyRule[];
  /** On what is in no namespace; to be done without when it is confined to namespaces. */
  readonly cluster: readonly PolicyRule[];
  /** On Namespaces, where the configuration needs their labels or annotations. */
  readonly namespaces: readonly PolicyRule[];
  /** On the Leases of kubelets; to be done without when it is confined to namespaces. */
  readonly kubelets: readonly PolicyRule[];
  /** In the namespace it runs in. */
  readonly own: readonly PolicyRule[];
  /** In every namespace it watches, for each of `sync.sources`. */
  readonly sources: Readonly<Record<string, readonly PolicyRule[]>>;
}

/** A Namespace may also be got with rights in it, but there is none in kube-system. */
const clusterResources: ReadonlySet<string> = new Set(['nodes', 'namespaces']);

const kubeletNamespace = 'kube-node-lease';

/**
 * The rules of manifests/base/rbac.yaml: those of its ClusterRole, taken apart, and those of its Roles. `namespaces`:
 * manifests/components/namespaces/rbac.yaml. `sources`: the same of the components for `sync.sources`, by source.
 */
export function chartRules(
  rbac: string,
  namespaces: string,
  sources: Readonly<Record<string, string>>,
): ChartRules {
  const objects = objectsIn(rbac);
  const rulesOf = (kind: string, isIn: (namespace: string | undefined) => boolean = () => true) =>
    objects.flatMap(({ kind: own, metadata, rules = [] }) =>
      own === kind && isIn(metadata.namespace) ? rules : [],
    );
  const clusterWide = rulesOf('ClusterRole');
  return {
    everywhere: clusterWide.flatMap((rule) => pick(rule, (resource) => !clusterResources.has(resource))),
    cluster: clusterWide.flatMap((rule) => pick(rule, (resource) => clusterResources.has(resource))),
    namespaces: objectsIn(namespaces).flatMap(({ rules = [] }) => rules),
    kubelets: rulesOf('Role', (namespace) => namespace === kubeletNamespace),
    own: rulesOf('Role', (namespace) => namespace !== kubeletNamespace),
    sources: Object.fromEntries(
      Object.entries(sources).map(([name, text]) => [
        name,
        objectsIn(text).flatMap(({ rules = [] }) => rules),
      ]),
    ),
  };
}

const objectsIn = (yaml: string): Manifest[] =>
  parseAllDocuments(yaml).map((document) => document.toJS() as Manifest);

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string };
  readonly rules?: readonly PolicyRule[];
}

function pick(rule: PolicyRule, wanted: (resource: string) => boolean): PolicyRule[] {
  const resources = rule.resources.filter(wanted);
  return resources.length === 0 ? [] : [{ ...rule, resources }];
}
