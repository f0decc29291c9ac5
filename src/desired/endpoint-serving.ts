import type { InstanceId } from '../model/keys.ts';
import type { PodRecord } from '../model/pod.ts';
import type { EndpointAddress } from './address-form.ts';
import { chooseAddresses } from './addresses.ts';
import type { Declaration } from './declaration.ts';
import { notServed, type Served, servedAt, unreachable } from './declared-instances.ts';
import { quote, type Read } from './mistake.ts';
import type { NodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import { reachedPort } from './ports.ts';
import { endpointAddress } from './service-places.ts';
import type { PortRef } from './values.ts';

/** A pod or an endpoint as it is reached by itself. */
export interface OwnServing {
  readonly id: InstanceId;
  /** Its own, the primary first. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly declaredPort: (ref: PortRef) => Read<number>;
}

/** The same at the kind of address that the declaration wants: its own, or that of its host. */
export function endpointServing(
  declaration: Declaration,
  { id, addresses: own, port, declaredPort }: OwnServing,
  pod: PodRecord | undefined,
  node: NodeFacts,
  context: DesiredContext,
): Served {
  const kind = endpointAddress(declaration.address);
  const [first, ...others] = chooseAddresses(kind, { own, host: pod?.hostIps ?? [], node });
  if (first === undefined) return notServed([unreachable(declaration, noAddress(kind, node, context))]);
  const reached = reachedPort(kind, port, pod);
  if ('refused' in reached) return notServed([unreachable(declaration, reached.refused)]);
  return servedAt({
    id,
    addresses: [first, ...others],
    port: reached.value,
    declaredPort: (ref) => {
      const found = declaredPort(ref);
      return 'refused' in found ? found : reachedPort(kind, found.value, pod);
    },
  });
}

/** Why there is no address of the wanted kind. */
function noAddress(kind: EndpointAddress, node: NodeFacts, context: DesiredContext): string {
  const name = quote(node.name);
  switch (kind) {
    case 'pod':
      return 'it has no address';
    case 'host':
      return node.name === ''
        ? 'address "host" needs a Kubernetes node, but the endpoint has none; use "pod"'
        : `the address of node ${name} is unknown; use address "pod"`;
    case 'node-external':
      if (context.namespaced)
        return 'address "node-external" needs cluster-wide rights to read nodes; use "pod"';
      return node.name === ''
        ? 'address "node-external" needs a Kubernetes node, but the endpoint has none; use "pod"'
        : `node ${name} has no address of type ExternalIP; use address "pod" or "host"`;
  }
}
