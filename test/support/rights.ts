/** The rights in Kubernetes that the operator needs, written by hand: neither the chart nor the manifests are read. */

export interface Situation {
  /** `sync.sources` */
  readonly sources: readonly ('ingresses' | 'gateways')[];
  /** Whether the configuration needs labels or annotations of Namespaces. */
  readonly readsNamespaces: boolean;
  /** `kubernetes.namespaces`; empty: all. */
  readonly namespaces: readonly string[];
  readonly leaderElection: boolean;
}

/** Where the chart and the operator's Lease are. */
export const home = 'kube-registrar';

const all = '*';

/** `list pods in shop`; resources with their group, `*` for everywhere. */
export function neededRights({ sources, readsNamespaces, namespaces, leaderElection }: Situation): string[] {
  const clusterWide = namespaces.length === 0;
  const read = ['pods', 'services', 'endpointslices.discovery.k8s.io'];
  if (sources.includes('ingresses')) read.push('ingresses.networking.k8s.io');
  if (sources.includes('gateways')) {
    for (const name of ['gateways', 'httproutes', 'grpcroutes', 'tlsroutes'])
      read.push(`${name}.gateway.networking.k8s.io`);
  }
  const rights: string[] = [];
  for (const where of clusterWide ? [all] : namespaces) {
    for (const resource of read) rights.push(`list ${resource} in ${where}`, `watch ${resource} in ${where}`);
    rights.push(
      `patch pods/status in ${where}`,
      `create events.events.k8s.io in ${where}`,
      `patch events.events.k8s.io in ${where}`,
    );
  }
  if (clusterWide) {
    rights.push('list nodes in *', 'watch nodes in *', 'get namespaces kube-system in *');
    rights.push('list leases.coordination.k8s.io in kube-node-lease');
    if (readsNamespaces) rights.push('list namespaces in *', 'watch namespaces in *');
  }
  if (leaderElection) {
    for (const verb of ['create', 'get', 'update', 'watch'])
      rights.push(`${verb} leases.coordination.k8s.io in ${home}`);
  }
  return rights.sort();
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** What rules allow in a namespace, or everywhere, in the same words. */
export const rightsOf = (rules: readonly Rule[], namespace = all): string[] =>
  rules.flatMap(({ apiGroups, resources, resourceNames = [''], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((name) =>
          verbs.map((verb) => {
            const what = group === '' ? resource : `${resource}.${group}`;
            return `${verb} ${what}${name === '' ? '' : ` ${name}`} in ${namespace}`;
          }),
        ),
      ),
    ),
  );

/** The right that a request takes, in the same words; undefined for what needs none or is unknown. */
export function rightFor(method: string, url: string): string | undefined {
  const { pathname, searchParams } = new URL(url, 'http://kube');
  const [, group = '', rest = ''] = /^\/(?:api\/v1|apis\/([^/]+)\/[^/]+)\/(.+)$/.exec(pathname) ?? [];
  const inNamespace = /^namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(rest);
  const [, namespace = all, resource = '', name = '', part = ''] =
    inNamespace ?? (/^()([^/]+)(?:\/([^/]+))?$/.exec(rest) as RegExpExecArray | null) ?? [];
  if (resource === '') return undefined;
  const what = `${resource}${part === '' ? '' : `/${part}`}${group === '' ? '' : `.${group}`}`;
  const verb = verbOf(method, name, searchParams);
  const named = resource === 'namespaces' && name !== '' ? ` ${name}` : '';
  return `${verb} ${what}${named} in ${namespace === '' ? all : namespace}`;
}

function verbOf(method: string, name: string, parameters: URLSearchParams): string {
  if (method !== 'GET') return { POST: 'create', PUT: 'update', PATCH: 'patch' }[method] ?? method;
  if (['true', '1'].includes(parameters.get('watch') ?? '')) return 'watch';
  return name === '' ? 'list' : 'get';
}
