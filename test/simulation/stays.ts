import type { NodeService } from '../../src/sandbox/consul/rows.ts';
import type { CatalogInstance } from './catalog.ts';
import { backendOf, type Group, groupKey, isWantedPassing, keptFor, type Truth } from './truth.ts';

export interface Stays {
  /** Whether consumers have to find it healthy; undefined when the oracle does not say. */
  readonly isWell: boolean | undefined;
  /** It is what it was when it began to stay. */
  readonly isAsItWas: boolean;
  /** Nothing takes its place yet. Otherwise it may go once its successor is there: see `mustBeFound()`. */
  readonly hasToStay: boolean;
}

/**
 * Whether an instance of a Service that is not wanted stays all the same: its Service asks with a mistake, or it is
 * reached otherwise now and that is not there yet. `consulNode`: where it is registered.
 */
export function staysOf(
  truth: Truth,
  key: string,
  { Meta, Service }: NodeService,
  consulNode: string,
): Stays | undefined {
  const isRoute = Meta?.['kube-route'] !== undefined;
  const kubeService = isRoute ? `${Meta['kube-namespace']}/${Meta['kube-route']}` : kubeServiceOf(Meta);
  if (kubeService === '') return undefined;
  const pod = truth.pods.get(backendOf(key));
  if (Meta?.['kube-pod-uid'] !== undefined && pod === undefined) return undefined;
  const reach = Meta?.['kube-address'] ?? 'endpoints';
  const group = groupOf(truth, kubeService, Service);
  if (group === undefined) return undefined;
  const isMoving = group.reaches.size > 0 && !group.reaches.has(reach);
  const hasToStay = group.isStuck || group.stuckOn.has(consulNode) || (isMoving && group.isPending);
  if (!hasToStay && !(isMoving && isAnyStuck(truth, kubeService))) return undefined;
  const isWell = pod ?? (reach === 'endpoints' || reach === 'node-port' ? undefined : group.isWell);
  return { isWell, isAsItWas: isRoute, hasToStay };
}

/** Whether what stands behind an instance of a Service is well, however the Service is reached now. */
export function isWellBehind(truth: Truth, key: string, { Meta, Service }: NodeService): boolean {
  const group = groupOf(truth, kubeServiceOf(Meta), Service);
  if (group === undefined) return false;
  return truth.pods.get(backendOf(key)) ?? (Meta?.['kube-address'] !== undefined && group.isWell);
}

/** Whether consumers have to find the instance healthy: because it is wanted, or because it stays. */
export function mustPass(truth: Truth, { key, node, entry }: CatalogInstance): boolean {
  if (isWantedPassing(truth, key)) return true;
  if (truth.notReady.has(node)) return false;
  return keptFor(truth, entry)?.ready === true || passesOn(staysOf(truth, key, entry, node));
}

const passesOn = (stays: Stays | undefined): boolean =>
  stays?.hasToStay === true && (stays.isWell === true || stays.isAsItWas);

/**
 * Whether consumers have to find an instance of the service of this one: the Service asks for it, there is something
 * behind it, and either this one stays or another is there to take its place.
 */
export function mustBeFound(truth: Truth, instance: CatalogInstance): boolean {
  const { key, node, entry } = instance;
  if (mustPass(truth, instance)) return true;
  if (!isWellBehind(truth, key, entry) || truth.notReady.has(node)) return false;
  const kubeService = kubeServiceOf(entry.Meta);
  for (const wanted of truth.instances.values())
    if (
      wanted.kubeService === kubeService &&
      wanted.service === entry.Service &&
      isWantedPassing(truth, wanted.key)
    )
      return true;
  return false;
}

/** The Service that an instance is of, with its namespace; empty for a pod's own. */
export function kubeServiceOf(meta: NodeService['Meta']): string {
  const name = meta?.['kube-service'] ?? '';
  return name === '' ? '' : `${meta?.['kube-namespace']}/${name}`;
}

/** Of the service itself, or one that asked for every port with a mistake, or one of which not even the name is known. */
function groupOf({ groups }: Truth, kubeService: string, service: string): Group | undefined {
  const own = groups.get(groupKey(kubeService, service));
  if (own !== undefined) return own;
  const words = service.split('-');
  for (let count = words.length - 1; count >= 0; count -= 1) {
    const group = groups.get(groupKey(kubeService, words.slice(0, count).join('-')));
    if (group?.isStuck) return group;
  }
  return undefined;
}

/** While anything of the Service cannot be registered, its instances may all stay as they are. */
function isAnyStuck({ groups }: Truth, kubeService: string): boolean {
  for (const [key, { isStuck, stuckOn }] of groups)
    if (key.startsWith(`${kubeService} `) && (isStuck || stuckOn.size > 0)) return true;
  return false;
}
