import { type Check, nodeCheck } from '../model/check.ts';
import { type ConsulNodeName, consulNodeName } from '../model/keys.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { NodeEntry } from '../model/node-entry.ts';
import { originKeys } from '../model/origin.ts';
import { clusterUidKey, managedByKey, managedByValue } from '../model/owner.ts';
import { taggedAddresses } from './addresses.ts';
import { reasonText } from './health.ts';
import { sortedRecord } from './meta.ts';
import type { DesiredOptions } from './options.ts';

/** Consul requires an address for every node. Nobody connects to it: instances have their own. */
const noAddress = '127.0.0.1';

/**
 * The Consul node of a Kubernetes node (`<cluster>-<node>`), or of endpoints that name none (`<cluster>-endpoints`,
 * for an empty name). A Kubernetes node may itself be called `endpoints`, or like the node of the operator's
 * heartbeat. Such a name, and every name that its replacement could clash with, gets one more `node-`.
 *
 * Dots in a node's name stay: the catalog accepts them, and only DNS look-ups of the node itself fail.
 */
export function consulNodeNameOf(kubeNode: string, clusterName: string): ConsulNodeName {
  if (kubeNode === '') return consulNodeName(`${clusterName}-endpoints`);
  const isTaken = /^(?:node-)*(?:endpoints|kube-registrar)$/.test(kubeNode);
  return consulNodeName(`${clusterName}-${isTaken ? 'node-' : ''}${kubeNode}`);
}

/** The Consul node without its instances. */
export function nodeEntry(
  kubeNode: string,
  record: KubeNodeRecord | undefined,
  hostIps: () => readonly string[],
  options: DesiredOptions,
): Omit<NodeEntry, 'instances'> {
  const internal = record?.internalIps ?? [];
  const addresses = internal.length > 0 ? internal : hostIps();
  const meta: [string, string][] = [
    ['external-node', 'true'],
    ['external-probe', options.probes === undefined ? 'false' : 'true'],
    [managedByKey, managedByValue],
    [clusterUidKey, options.clusterUid],
    [originKeys.node, kubeNode],
    ['region', record?.region ?? ''],
    ['zone', record?.zone ?? ''],
  ];
  return {
    name: consulNodeNameOf(kubeNode, options.clusterName),
    address: addresses[0] ?? noAddress,
    taggedAddresses: taggedAddresses(addresses, (address) => address),
    meta: sortedRecord(meta.filter(([, value]) => value !== '')),
    // An agent's node has the agent's own check.
    checks: record === undefined || options.agents !== undefined ? [] : [checkOf(record)],
  };
}

/**
 * The node check follows the Node's condition Ready. A Node that is missing from the stores has no check: its absence
 * says nothing about its health, and its pods' own checks remain.
 */
function checkOf(record: KubeNodeRecord): Check {
  const isReady = record.ready === 'True';
  const fallback = isReady ? 'Node is ready' : `Node's condition Ready is ${record.ready}`;
  return {
    ...nodeCheck,
    status: isReady ? 'passing' : 'critical',
    output: reasonText(record.reason, record.message, fallback),
  };
}
