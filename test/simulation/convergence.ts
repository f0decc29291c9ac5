import type { CheckRow, NodeService } from '../../src/sandbox/consul/rows.ts';
import {
  type Catalog,
  type CatalogInstance,
  type CatalogNode,
  isAgents,
  isForeign,
  ownNotes,
  stampOf,
} from './catalog.ts';
import { kubeServiceOf, staysOf } from './stays.ts';
import { keptFor, type Truth, type WantedInstance } from './truth.ts';

/**
 * How the catalog differs from the truth about one cluster, in words; empty = converged. `mustBeStamped`: nodes
 * that lost their stamp while the process that runs knew them: it has to give it back.
 */
export function differences(
  truth: Truth,
  catalog: Catalog,
  clusterUid: string,
  mustBeStamped: ReadonlySet<string>,
): string[] {
  const found: string[] = [];
  const wantedOn = Map.groupBy(truth.instances.values(), ({ consulNode }) => consulNode);
  const mayStay = new Set([...truth.kept.values()].map(({ consulNode }) => consulNode));
  for (const [name, wanted] of truth.nodes) {
    const node = catalog.get(name);
    if (node !== undefined && mustBeStamped.has(name) && stampOf(node.entry) === undefined) {
      found.push(`node ${name} has lost its stamp`);
    }
    if (node !== undefined && !isOwn(node, clusterUid)) continue;
    if (node === undefined) {
      found.push(`node ${name} is missing`);
      continue;
    }
    if (node.entry.Address !== wanted.address) {
      found.push(`node ${name} has address ${node.entry.Address}, not ${wanted.address}`);
    }
    const check = node.checks.find(({ CheckID }) => CheckID === 'kubernetes-node');
    if (check?.Status !== wanted.check) {
      found.push(`node ${name} is ${check?.Status ?? 'unchecked'}, not ${wanted.check ?? 'unchecked'}`);
    }
    for (const instance of wantedOn.get(name) ?? []) found.push(...missing(instance, node));
  }
  for (const [name, node] of catalog) {
    if (!isOwn(node, clusterUid)) continue;
    if (!truth.nodes.has(name) && !mayStay.has(name) && !node.services.some(({ ID }) => isForeign(ID))) {
      const stays = ({ key, entry }: CatalogInstance) =>
        keptFor(truth, entry) !== undefined || staysOf(truth, key, entry, name) !== undefined;
      if (![...node.instances.values()].some(stays)) found.push(`node ${name} is too many`);
    }
    for (const [key, { entry, checks }] of node.instances) {
      if (truth.instances.get(key)?.consulNode === name) continue;
      const source = keptFor(truth, entry);
      // Of several endpoints without a pod nobody knows which one is kept, so that its health is left alone.
      const isPods = entry.Meta?.['kube-pod-uid'] !== undefined;
      const readiness = checks.find(({ CheckID }) => isPods && CheckID.endsWith(':readiness'));
      if (source === undefined) {
        const stays = staysOf(truth, key, entry, name);
        const own = checks.find(({ CheckID }) => CheckID.endsWith(':readiness'));
        if (stays === undefined && !isBlocked(truth, catalog, clusterUid, entry))
          found.push(`instance ${entry.ID} on ${name} is too many`);
        else if (stays?.isWell !== undefined && own && (own.Status === 'passing') !== stays.isWell)
          found.push(`instance ${entry.ID} on ${name}, which stays, is ${own.Status}`);
      } else if (readiness !== undefined && (readiness.Status === 'passing') !== source.ready) {
        found.push(`kept instance ${entry.ID} on ${name} is ${readiness.Status}`);
      }
    }
  }
  return found;
}

const isOwn = (node: CatalogNode, clusterUid: string): boolean =>
  stampOf(node.entry) === clusterUid && !isAgents(node);

/** What takes its place belongs on a node of another cluster with the same name, where it is a conflict. */
function isBlocked(
  truth: Truth,
  catalog: Catalog,
  clusterUid: string,
  { Meta, Service }: NodeService,
): boolean {
  const kubeService = kubeServiceOf(Meta);
  if (kubeService === '') return false;
  for (const wanted of truth.instances.values()) {
    if (wanted.kubeService !== kubeService || wanted.service !== Service) continue;
    const node = catalog.get(wanted.consulNode);
    if (node !== undefined && !isOwn(node, clusterUid)) return true;
  }
  return false;
}

function missing(wanted: WantedInstance, node: CatalogNode): string[] {
  const instance = node.instances.get(wanted.key);
  if (instance === undefined) return [`instance ${wanted.key} on ${node.entry.Node} is missing`];
  const { entry, checks } = instance;
  const found: string[] = [];
  const compare = (what: string, is: unknown, should: unknown): void => {
    if (is !== should) found.push(`instance ${entry.ID} has ${what} ${is}, not ${should}`);
  };
  compare('address', entry.Address, wanted.address);
  compare('tags', (entry.Tags ?? []).join(), wanted.tags.join());
  compare('meta kube-address', entry.Meta?.['kube-address'] ?? '', wanted.reach);
  compare('meta kube-hosts', entry.Meta?.['kube-hosts'] ?? '', wanted.route?.hosts ?? '');
  compare('meta kube-gateway', entry.Meta?.['kube-gateway'] ?? '', wanted.route?.gateway ?? '');
  compare('meta app', entry.Meta?.['app'], wanted.app);
  compare('meta team', entry.Meta?.['team'], wanted.team);
  compare('meta kube-by-default', entry.Meta?.['kube-by-default'], wanted.byDefault ? 'true' : undefined);
  compare('weight', entry.Weights.Passing, wanted.weight);
  compare('meta kube-node', entry.Meta?.['kube-node'] ?? '', node.entry.Meta?.['kube-node'] ?? '');
  compare('foreign meta', entry.Meta?.['edited'], undefined);
  const own = checks.filter(({ Notes }) => Notes === ownNotes);
  compare(
    'checks',
    own.map(told(entry)).join(),
    wanted.check === undefined ? '' : `readiness ${wanted.check}`,
  );
  return found;
}

/** Also that the check's own copies of its service's name and tags are right. */
const told =
  (entry: NodeService) =>
  ({ CheckID, Status, ServiceName, ServiceTags }: CheckRow): string => {
    const copied = ServiceName === entry.Service && (ServiceTags ?? []).join() === (entry.Tags ?? []).join();
    return `${CheckID.replace(`${entry.ID}:`, '')} ${Status}${copied ? '' : ' of another service'}`;
  };
