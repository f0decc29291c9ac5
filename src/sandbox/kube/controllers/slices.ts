import { conditionOf, isDeleting, isReady, type Pod, type Service, type ServicePort } from './shapes.ts';

/** Most endpoints in one slice, the controller's default. */
export const perSlice = 100;

export interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions: { readonly ready: boolean; readonly serving: boolean; readonly terminating: boolean };
  readonly nodeName?: string;
  readonly zone?: string;
  readonly hostname?: string;
  readonly targetRef: {
    readonly kind: 'Pod';
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  };
}

export interface SlicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

/** Endpoints that share the same port numbers; only those may share a slice. */
export interface EndpointGroup {
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly Endpoint[];
}

/** What the slices of a Service have to say about these pods, its selected ones. Pure. */
export function endpointGroups(
  service: Service,
  pods: readonly Pod[],
  zoneOf: (node: string) => string,
): readonly EndpointGroup[] {
  const groups = new Map<string, { ports: SlicePort[]; endpoints: Endpoint[] }>();
  for (const pod of pods) {
    const { phase, podIP = '' } = pod.status;
    if (podIP === '' || phase === 'Succeeded' || phase === 'Failed') continue;
    const ports = slicePorts(service, pod);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod, zoneOf));
    groups.set(key, group);
  }
  return [...groups.values()];
}

function endpointOf(service: Service, pod: Pod, zoneOf: (node: string) => string): Endpoint {
  const { metadata, spec, status } = pod;
  const anyway = service.spec.publishNotReadyAddresses === true;
  const terminating = isDeleting(pod);
  const serving = isReady(pod) || (anyway && conditionOf(pod, 'Ready') === undefined);
  const node = spec.nodeName ?? '';
  const zone = node === '' ? '' : zoneOf(node);
  return {
    addresses: [status.podIP ?? ''],
    conditions: { ready: anyway || (serving && !terminating), serving, terminating },
    ...(node === '' ? {} : { nodeName: node }),
    ...(zone === '' ? {} : { zone }),
    ...(spec.hostname === undefined ? {} : { hostname: spec.hostname }),
    targetRef: { kind: 'Pod', namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid },
  };
}

/** The Service's ports as this pod has them: a named target port is looked up in its containers. */
function slicePorts(service: Service, pod: Pod): SlicePort[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = targetOf(port, pod);
    return number === undefined
      ? []
      : [{ name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP' }];
  });
}

function targetOf({ port, protocol = 'TCP', targetPort = port }: ServicePort, pod: Pod): number | undefined {
  if (typeof targetPort === 'number') return targetPort;
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  return ports.find((own) => own.name === targetPort && (own.protocol ?? 'TCP') === protocol)?.containerPort;
}

/**
 * Endpoints spread over the slices that exist: each stays where it is, new ones fill gaps, what is left over
 * makes new slices. `existing` are the addresses in each slice; the result has one entry for each of them,
 * then those of the slices to be made.
 */
export function distribute(
  existing: readonly (readonly string[])[],
  endpoints: readonly Endpoint[],
): Endpoint[][] {
  const waiting = new Map(endpoints.map((endpoint) => [endpoint.targetRef.uid, endpoint]));
  const slices = existing.map((uids) =>
    uids.flatMap((uid) => {
      const endpoint = waiting.get(uid);
      waiting.delete(uid);
      return endpoint === undefined ? [] : [endpoint];
    }),
  );
  const rest = [...waiting.values()];
  for (const slice of slices) slice.push(...rest.splice(0, Math.max(0, perSlice - slice.length)));
  while (rest.length > 0) slices.push(rest.splice(0, perSlice));
  return slices;
}
