import type { KubeNodeRecord } from '../model/kube-node.ts';

/** The fields of a Kubernetes node that its instances depend on. */
export interface NodeFacts {
  readonly name: string;
  readonly zone: string;
  readonly region: string;
  readonly internalIps: readonly string[];
  readonly externalIps: readonly string[];
  /**
   * All of the above as one text: equal keys mean equal facts. A Node's status is rewritten every few minutes; its
   * instances are computed again only when one of these changes.
   */
  readonly key: string;
}

export function nodeFacts(name: string, node: KubeNodeRecord | undefined): NodeFacts {
  const { zone = '', region = '', internalIps = [], externalIps = [] } = node ?? {};
  const key = JSON.stringify([name, zone, region, internalIps, externalIps]);
  return { name, zone, region, internalIps, externalIps, key };
}
