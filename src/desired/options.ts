import type { ClusterUid } from '../model/keys.ts';
import type { Claims } from './claims.ts';
import type { DescribePod } from './declarations.ts';
import type { PatternRules } from './pattern-rules.ts';
import type { ProbeHosts } from './probe-hosts.ts';
import type { ReadList } from './services-list.ts';

export interface DesiredOptions {
  /** Name of the cluster: start of the Consul nodes' names, meta `kube-cluster`, `{cluster.name}`. */
  readonly clusterName: string;
  /** Who owns the Consul nodes: meta `kube-cluster-uid`. */
  readonly clusterUid: ClusterUid;
  /** Without cluster-wide rights: Kubernetes nodes are unknown, so there are no node checks. */
  readonly namespaced: boolean;
  /** Who may register which names. Default: everybody every name. */
  readonly claims?: Claims;
  /** Which tags, and which meta keys, a namespace may not use. Default: it may use all. */
  readonly tagRules?: PatternRules;
  readonly metaRules?: PatternRules;
  /** Instances are registered with the Consul agent of their node, which does their checks. Default: in the catalog. */
  readonly agents?: { readonly ttlMs: number };
  /** Default: what would be probed is not, because nobody would. */
  readonly probes?: { readonly deregisterCriticalAfterMs: number };
  /** Which hosts, beside the instance itself, annotations may have probed. Default: none. */
  readonly probeHosts?: ProbeHosts;
}

/** What every computation needs besides records. */
export interface DesiredContext extends DesiredOptions {
  readonly readList: ReadList;
  readonly describePod: DescribePod;
}
