import type { Config } from '../../config/schema.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { agentCheckId } from '../../model/check.ts';
import { type ConsulNodeName, consulNodeName } from '../../model/keys.ts';
import { externalSource } from '../../model/origin.ts';
import type { Snapshot } from '../../operator/snapshot.ts';
import type { ObservedInstance, ObservedNode } from '../../plan/observed.ts';
import { isOwnInstance } from '../../plan/ownership.ts';

/** The Consul node on which consul-k8s registers, and what of it is its own. */
export interface TheirNode {
  readonly name: ConsulNodeName;
  /** Undefined: there is no such node. */
  readonly node: ObservedNode | undefined;
  readonly instances: readonly ObservedInstance[];
}

/** Reads the node. Rejects with `config` where the configuration does not follow consul-k8s. */
export async function readTheirNode(
  { observed }: Pick<Snapshot, 'observed'>,
  { compatibility: { consulK8s }, registration }: Config,
  signal: AbortSignal,
): Promise<TheirNode> {
  if (!consulK8s.enabled) {
    throw new RegistrarError(
      'config',
      'compatibility.consulK8s.enabled is not set: pass the configuration of the operator with --config, or create one with "kube-registrar migrate consul-k8s"',
    );
  }
  if (registration.mode !== 'catalog') {
    throw new RegistrarError(
      'config',
      'consul-k8s registers in the catalog; set registration.mode to "catalog"',
    );
  }
  const name = consulNodeName(consulK8s.consulNodeName.toLowerCase());
  await observed.refreshNode(name, signal);
  const node = observed.node(name);
  const isTheirs = (instance: ObservedInstance): boolean =>
    !isOwnInstance(instance) &&
    instance.meta[externalSource.key] === externalSource.value &&
    (consulK8s.k8sTag === '' || instance.tags.includes(consulK8s.k8sTag));
  const instances = [...(node?.instances.values() ?? [])].filter(isTheirs);
  return { name, node, instances: instances.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

/** How many of others' instances are named. */
const mostNamed = 5;

/** Why the node has to stay once these are gone; undefined: nobody else has anything on it. */
export function whyNodeStays({ node, instances }: TheirNode): string | undefined {
  if (node === undefined) return undefined;
  const theirs = new Set<string>(instances.map(({ id }) => id));
  const others = [...node.instances.keys()].filter((id) => !theirs.has(id)).sort();
  if (others.length > 0) {
    const more = others.length > mostNamed ? ` and ${others.length - mostNamed} more` : '';
    return `other programs have instances on it: ${others.slice(0, mostNamed).join(', ')}${more}`;
  }
  if (node.checks.has(agentCheckId)) return 'a Consul agent runs on it';
  return node.meta[externalSource.key] === externalSource.value
    ? undefined
    : `it does not have the meta ${externalSource.key}=${externalSource.value} of consul-k8s`;
}
