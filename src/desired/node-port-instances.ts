import type { ServiceRecord } from '../model/service.ts';
import type { Declaration } from './declaration.ts';
import { badPort, declaredInstances, notServed, type Served, unreachable } from './declared-instances.ts';
import type { NodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import { ownServicePort } from './ports.ts';
import { healthBehind, type Readiness } from './readiness.ts';
import { declarationsOf, servingAt, wholeService } from './service-instances.ts';
import { nodePlaces, noNodeAddress } from './service-places.ts';
import type { SourceResult } from './source.ts';

/** What a node port of a Service leads to. */
export interface NodePortReadiness {
  /** Of the endpoints on this node. */
  readonly here: Readiness;
  /** Of all endpoints of the Service. */
  readonly everywhere: Readiness;
}

/**
 * The instances that a Service's annotations ask for at a port of this Kubernetes node. With `node-port: nodes` the
 * node passes traffic on to endpoints anywhere, unless `externalTrafficPolicy` is `Local`; otherwise its instance
 * stands for the endpoints on the node.
 */
export function nodePortInstances(
  service: ServiceRecord,
  { here, everywhere }: NodePortReadiness,
  node: NodeFacts,
  context: DesiredContext,
): readonly SourceResult[] {
  const passesOn = (declaration: object) =>
    !service.localTraffic && 'node-port' in declaration && declaration['node-port'] === 'nodes';
  const results = (isMeant: (declaration: object) => boolean, readiness: Readiness, where: string) => {
    const declared = declarationsOf(
      service,
      node,
      context,
      (reach, declaration) => reach === 'node-port' && isMeant(declaration),
    );
    const backend = wholeService(service, node, context, {
      health: healthBehind(readiness, where),
      serving: (declaration) => served(declaration, service, node, context),
    });
    return declaredInstances(declared, backend, node, context);
  };
  // A node that is gone, or has not said yet where it is.
  const isUnknown = !context.namespaced && node.internalIps.length + node.externalIps.length === 0;
  const onEveryNode = isUnknown ? [] : [results(passesOn, everywhere, 'of the Service')];
  if (here === 'none') return onEveryNode;
  return [...onEveryNode, results((declaration) => !passesOn(declaration), here, 'on this node')];
}

function served(
  declaration: Declaration,
  service: ServiceRecord,
  node: NodeFacts,
  { namespaced }: DesiredContext,
): Served {
  if (namespaced) {
    const message =
      'address "node-port" needs cluster-wide rights to read nodes, which kubernetes.namespaces avoids; choose another address';
    return notServed([unreachable(declaration, message)]);
  }
  const port = ownServicePort(declaration.port, service.ports);
  if ('refused' in port) return notServed(badPort(declaration, port.refused));
  const { nodePort } = port.value;
  if (nodePort === undefined) {
    const message = `port ${port.value.port} has no nodePort; address "node-port" needs a Service of type NodePort or LoadBalancer, and this is of type ${service.type}`;
    return notServed([unreachable(declaration, message)]);
  }
  const places = nodePlaces(declaration, node);
  if (places.length === 0) {
    return notServed([unreachable(declaration, noNodeAddress(declaration['node-address'], node.name))]);
  }
  const at = places.map((place) =>
    servingAt(place, { declaration, reach: 'node-port', service, node: node.name, port: nodePort }),
  );
  return { at, complaints: [] };
}
