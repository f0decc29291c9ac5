import type { KubeNodeRecord } from '../model/kube-node.ts';

/** What instances take from the Kubernetes node they run on. */
export interface NodeFacts {
  readonly name: string;
  readonly zone: string;
  readonly region: string;
  readonly internalIps: readonly string[];
  readonly externalIps: readonly string[];
  /**
   * All of the above as one text: equal keys are equal facts. A Node's status is rewritten every few
   * minutes; its instances need a new look only when one of these changed.
   */
  readonly key: string;
}

export function nodeFacts(name: string, node: KubeNodeRecord | undefined): NodeFacts {
  const { zone = '', region = '', internalIps = [], externalIps = [] } = node ?? {};
  const key = JSON.stringify([name, zone, region, internalIps, externalIps]);
  return { name, zone, region, internalIps, externalIps, key };
}
