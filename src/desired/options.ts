import type { ClusterUid } from '../model/keys.ts';
import type { BaseTags } from './base-tags.ts';
import type { Claims } from './claims.ts';
import type { DescribePod } from './declarations.ts';
import type { ConsulK8sOptions } from './dialects/consul-k8s.ts';
import type { HostList } from './host-list.ts';
import type { LabelRules } from './label-rules.ts';
import type { Naming } from './naming.ts';
import type { PatternRules } from './pattern-rules.ts';
import type { ReadList } from './services-list.ts';

export interface DesiredOptions {
  /** Name of the cluster: start of the Consul nodes' names, meta `kube-cluster`, `{cluster.name}`. */
  readonly clusterName: string;
  /** The owner of the Consul nodes: meta `kube-cluster-uid`. */
  readonly clusterUid: ClusterUid;
  /** Without cluster-wide rights: Kubernetes nodes are unknown, so there are no node checks. */
  readonly namespaced: boolean;
  /** Which namespaces may register which names. Default: every namespace every name. */
  readonly claims?: Claims;
  /** Which tags and meta keys a namespace may not use. Default: none are denied. */
  readonly tagRules?: PatternRules;
  readonly metaRules?: PatternRules;
  /** How `service: "true"` becomes a name. Default: the name of the Service, as it is. */
  readonly naming?: Naming;
  /** Tags of every instance. Default: none. */
  readonly baseTags?: BaseTags;
  /** Which labels become tags and meta. Default: none do. */
  readonly labelRules?: LabelRules;
  /** What instances share with those of consul-k8s. Default: nothing. */
  readonly consulK8s?: Pick<ConsulK8sOptions, 'ids' | 'meta'>;
  /** Instances are registered with the Consul agent of their node, which does their checks. Default: in the catalog. */
  readonly agents?: { readonly ttlMs: number };
  /** Default: probes are read but not registered, because nobody would run them. */
  readonly probes?: { readonly deregisterCriticalAfterMs: number };
  /** Which hosts annotations may have probed beside the instance itself. Default: none. */
  readonly probeHosts?: HostList;
  /** Which addresses annotations may write out, to be registered as they are. Default: none. */
  readonly literalAddresses?: HostList;
}

/** What every computation needs besides records. */
export interface DesiredContext extends DesiredOptions {
  readonly readList: ReadList;
  readonly describePod: DescribePod;
}
