import type { ServiceRecord } from '../model/service.ts';
import { additionsOf } from './additions.ts';
import type { BrokenDeclaration, Declaration, WrittenDeclaration } from './declaration.ts';
import { describeDeclarations } from './declarations.ts';
import {
  type Backend,
  badPort,
  declaredInstances,
  notServed,
  type Refusals,
  type Served,
  type Serving,
  unreachable,
} from './declared-instances.ts';
import { type ResolvedDeclarations, withEveryPort } from './every-port.ts';
import type { Health } from './health.ts';
import { serviceInstanceId } from './identity.ts';
import { type NodeFacts, nodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import type { Placeholders } from './placeholders.ts';
import { ownServicePort } from './ports.ts';
import { healthBehind, type Readiness, unknownHealth } from './readiness.ts';
import { type Place, placesOf, type Reach, reachOf } from './service-places.ts';
import { byDefault, isUnknown, type SourceResult } from './source.ts';
import type { PortRef } from './values.ts';

const nowhere = nodeFacts('', undefined);

/**
 * The instances that a Service's annotations ask for at addresses that belong to no Kubernetes node: those of a load
 * balancer, its external or cluster IPs, its external name, an address written out. `readiness`: of its endpoints.
 */
export function serviceInstances(
  service: ServiceRecord,
  readiness: Readiness,
  context: DesiredContext,
): SourceResult {
  const declared = declarationsOf(service, nowhere, context, (reach) => isOfNoNode(reach));
  const backend = wholeService(service, nowhere, context, {
    health: healthOf(service, readiness),
    serving: (declaration) => {
      const reach = reachOf(declaration.address, service);
      return isOfNoNode(reach) ? served(declaration, reach, service) : notServed([]);
    },
  });
  return declaredInstances(declared, backend, nowhere, context);
}

const isOfNoNode = (reach: Reach): reach is Exclude<Reach, 'endpoints' | 'node-port'> =>
  reach !== 'endpoints' && reach !== 'node-port';

/** What Kubernetes keeps no endpoints of has no health that it knows. */
export function healthOf({ selects, type }: ServiceRecord, readiness: Readiness): Health {
  const isUnknown = type === 'ExternalName' || (!selects && readiness === 'none');
  return isUnknown ? unknownHealth : healthBehind(readiness, 'of the Service');
}

/** The declarations with this reach, and those of which it cannot be read. */
export function declarationsOf(
  service: ServiceRecord,
  node: NodeFacts,
  context: DesiredContext,
  isMeant: (reach: Reach, declaration: WrittenDeclaration | BrokenDeclaration) => boolean,
): ResolvedDeclarations {
  const { name, annotations, scope, ports } = service;
  const declared = describeDeclarations(
    { kind: 'Service', name, annotations, scope },
    placeholdersOf(service, node, context),
    context,
    (declaration) =>
      declaration.address === undefined || isMeant(reachOf(declaration.address, service), declaration),
  );
  return withEveryPort(declared, ports, 'the Service');
}

const placeholdersOf = (
  { namespace }: ServiceRecord,
  { name, zone, region }: NodeFacts,
  { clusterName }: DesiredContext,
): Placeholders => ({
  podName: '',
  podNamespace: namespace,
  podLabels: {},
  nodeName: name,
  nodeZone: zone,
  nodeRegion: region,
  clusterName,
});

/** A Service that is reached as a whole, not endpoint by endpoint. */
export function wholeService(
  service: ServiceRecord,
  node: NodeFacts,
  context: DesiredContext,
  { health, serving }: Pick<Backend, 'serving'> & { readonly health: Health },
): Backend {
  const { namespace, name, uid } = service;
  const places = placeholdersOf(service, node, context);
  return {
    object: { kind: 'Service', namespace, name, uid },
    origin: { namespace, pod: '', podUid: '', service: name, byDefault: byDefault(service) },
    isKept: isUnknown(service),
    condition: { subject: 'Endpoint', health, terminating: false },
    pod: undefined,
    places,
    additions: additionsOf(places, () => service.labels, context),
    serving,
  };
}

function served(
  declaration: Declaration,
  reach: Exclude<Reach, 'endpoints' | 'node-port'>,
  service: ServiceRecord,
): Served {
  const port = ownServicePort(declaration.port, service.ports);
  if ('refused' in port) return notServed(badPort(declaration, port.refused));
  const found = placesOf(reach, declaration, service);
  if ('refused' in found) return notServed([unreachable(declaration, found.refused)]);
  const { places, leftOut, pending } = found.value;
  const notes = pending === undefined ? leftOut : [pending, ...leftOut];
  const complaints: Refusals = notes.map((note) => unreachable(declaration, note, 'warning'));
  const at = places.map((place) =>
    servingAt(place, { declaration, reach, service, node: '', port: port.value.port }),
  );
  return { at, complaints };
}

interface At {
  readonly declaration: Declaration;
  readonly reach: Reach;
  readonly service: ServiceRecord;
  /** Kubernetes node; empty when the address belongs to none. */
  readonly node: string;
  readonly port: number;
}

/** An instance at one place. */
export function servingAt({ addresses, ipMode }: Place, at: At): Serving {
  const { declaration, reach, service, node, port } = at;
  const { namespace, name, ports } = service;
  const place = { namespace, service: name, node, address: addresses[0] };
  return {
    id: serviceInstanceId(place, declaration.service, port),
    addresses,
    port,
    declaredPort: (ref: PortRef) => {
      if ('number' in ref && ref.number === port) return { value: port };
      const found = ownServicePort(ref, ports);
      if ('refused' in found) return found;
      if (reach !== 'node-port') return { value: found.value.port };
      const { nodePort } = found.value;
      return nodePort === undefined ? { refused: 'the port has no nodePort' } : { value: nodePort };
    },
    reach,
    ipMode,
    isUnproved: reach === 'external-ips' || reach === 'external-name',
  };
}
