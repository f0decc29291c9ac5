import type { ConsulServer } from '../../src/sandbox/consul/consul-server.ts';
import type { CheckRow, NodeRow, NodeService } from '../../src/sandbox/consul/rows.ts';
import { endpointBackend, instanceKey, podBackend, routeBackend, wholeBackend } from './truth.ts';

/** Mark of the checks the operator writes. */
export const ownNotes = 'managed-by: kube-registrar';

export interface CatalogInstance {
  readonly key: string;
  readonly node: string;
  readonly entry: NodeService;
  readonly checks: readonly CheckRow[];
  /** All its own checks pass. */
  readonly isWell: boolean;
  /** What consumers see: every check of its own and of its node counts. */
  readonly passing: boolean;
}

export interface CatalogNode {
  readonly entry: NodeRow;
  /** Checks of the node itself. */
  readonly checks: readonly CheckRow[];
  /** All of these pass. */
  readonly isWell: boolean;
  /** Those of its services as well. */
  readonly allChecks: readonly CheckRow[];
  readonly services: readonly NodeService[];
  /** Services that carry the marks of an operator, by instance key. */
  readonly instances: ReadonlyMap<string, CatalogInstance>;
}

/** The whole catalog at one moment, by name of node. Rows are shared with the server: equal row, equal object. */
export type Catalog = ReadonlyMap<string, CatalogNode>;

export function catalogOf({ outsider }: ConsulServer): Catalog {
  const nodes = new Map<string, CatalogNode>();
  for (const entry of outsider.nodes()) nodes.set(entry.Node, nodeOf(entry, outsider));
  return nodes;
}

/** What the simulation's outsider puts beside our entries is called so. */
export const isForeign = (id: string): boolean => id.startsWith('foreign-');

/** Uid of the cluster a node is stamped with. */
export function stampOf({ Meta }: NodeRow): string | undefined {
  return Meta?.['managed-by'] === 'kube-registrar' ? Meta['kube-cluster-uid'] : undefined;
}

export const isAgents = ({ checks }: CatalogNode): boolean =>
  checks.some(({ CheckID }) => CheckID === 'serfHealth');

function nodeOf(entry: NodeRow, outsider: ConsulServer['outsider']): CatalogNode {
  const allChecks = outsider.checks(entry.Node);
  const checks = allChecks.filter(({ ServiceID }) => ServiceID === '');
  const isWell = checks.every(({ Status }) => Status === 'passing');
  const services = outsider.services(entry.Node);
  const instances = new Map<string, CatalogInstance>();
  for (const service of services) {
    const own = allChecks.filter(({ ServiceID }) => ServiceID === service.ID);
    const key = keyOf(service);
    if (key === undefined || instances.has(key)) continue;
    const ownIsWell = own.every(({ Status }) => Status === 'passing');
    const passing = isWell && ownIsWell;
    instances.set(key, { key, node: entry.Node, entry: service, checks: own, isWell: ownIsWell, passing });
  }
  return { entry, checks, isWell, allChecks, services, instances };
}

function keyOf({ Meta, Service, Address, Port = 0 }: NodeService): string | undefined {
  if (Meta?.['external-source'] !== 'kubernetes' || Meta['kube-cluster'] === undefined) return undefined;
  return instanceKey(backendOf(Meta, Address), Service, Port);
}

function backendOf(meta: Readonly<Record<string, string>>, address: string): string {
  const { 'kube-pod-uid': uid, 'kube-namespace': namespace = '', 'kube-service': kubeService = '' } = meta;
  if (uid !== undefined) return podBackend(uid);
  if (meta['kube-route'] !== undefined) return routeBackend(namespace, meta['kube-route'], address);
  if (meta['kube-address'] === undefined) return endpointBackend(namespace, kubeService, address);
  return wholeBackend(namespace, kubeService, meta['kube-node'] ?? '', address);
}
