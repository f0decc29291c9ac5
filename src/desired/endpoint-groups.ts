import type { PodRecord } from '../model/pod.ts';
import type { Problem } from '../model/problem.ts';
import type { ServiceRecord } from '../model/service.ts';
import type { ClusterView, SliceEndpoint } from './cluster-view.ts';
import { quote } from './mistake.ts';
import { problem } from './source.ts';

/**
 * The endpoints of one backend of a Service. With dual stack a pod is in an IPv4 and an IPv6 slice, and any endpoint
 * may be in two slices while Kubernetes moves it (discovery.k8s.io/v1); they always form one group.
 */
export interface EndpointGroup {
  /** Unique among the groups; they are processed in its order. */
  readonly key: string;
  readonly service: ServiceRecord;
  /** The pod behind it, when the stores have the pod with this uid. */
  readonly pod: PodRecord | undefined;
  readonly podName: string;
  readonly podUid: string;
  /** At least one, in the order of the slices' names. */
  readonly members: readonly [SliceEndpoint, ...SliceEndpoint[]];
}

export interface EndpointGroups {
  /** In the order of their keys. */
  readonly groups: readonly EndpointGroup[];
  readonly problems: readonly Problem[];
}

/** Groups endpoints by Service and backend, in whatever order they come. */
export function groupEndpoints(endpoints: Iterable<SliceEndpoint>, view: ClusterView): EndpointGroups {
  const found = new Map<string, { service: ServiceRecord; members: [SliceEndpoint, ...SliceEndpoint[]] }>();
  const problems = new Map<string, Problem>();
  for (const member of endpoints) {
    const { slice, endpoint } = member;
    const service = view.service(slice.namespace, slice.service);
    // A deleted Service's instances are removed even while its slices remain.
    if (service === undefined || service.deleting || !isAnnotated(service)) continue;
    if (slice.addressType === 'FQDN') {
      problems.set(slice.uid, unsupported(member));
      continue;
    }
    const [address] = endpoint.addresses;
    if (address === undefined) continue;
    const backend =
      endpoint.podName === '' ? `address ${address}` : `pod ${endpoint.podName} ${endpoint.podUid}`;
    const key = `${slice.namespace} ${slice.service} ${backend}`;
    const group = found.get(key);
    if (group === undefined) found.set(key, { service, members: [member] });
    else group.members.push(member);
  }
  const groups = [...found].map(([key, { service, members }]): EndpointGroup => {
    members.sort(bySlice);
    const { podName, podUid } = members[0].endpoint;
    return { key, service, pod: podBehind(members[0], view), podName, podUid, members };
  });
  groups.sort((a, b) => compare(a.key, b.key));
  return { groups, problems: [...problems.values()] };
}

const isAnnotated = ({ annotations }: ServiceRecord): boolean => Object.keys(annotations).length > 0;

/**
 * The pod, when the stores have the one with this uid. Another uid under its name, or no pod, may only mean that one
 * store is ahead of the other; the endpoint then stands for itself.
 */
function podBehind({ slice, endpoint }: SliceEndpoint, view: ClusterView): PodRecord | undefined {
  if (endpoint.podName === '') return undefined;
  const { namespace } = slice;
  // Until its slice follows, the last record of a pod that is gone counts: its labels, and whether it opted out.
  const pod = view.pod(namespace, endpoint.podName) ?? view.departedPod(namespace, endpoint.podName);
  if (pod === undefined) return undefined;
  const isSame =
    endpoint.podUid === ''
      ? endpoint.addresses.some((ip) => pod.ips.includes(ip))
      : endpoint.podUid === pod.uid;
  return isSame ? pod : undefined;
}

function unsupported({ slice }: SliceEndpoint): Problem {
  const object = {
    kind: 'EndpointSlice',
    namespace: slice.namespace,
    name: slice.name,
    uid: slice.uid,
  } as const;
  const message =
    `EndpointSlice ${quote(slice.name)} has addressType FQDN; ` +
    'only endpoints with IPv4 and IPv6 addresses are registered';
  return problem(object, 'RegistrationFailed', '', message, 'warning');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const bySlice = (a: SliceEndpoint, b: SliceEndpoint): number =>
  compare(a.slice.name, b.slice.name) ||
  compare(a.slice.addressType, b.slice.addressType) ||
  compare(a.endpoint.addresses.join(), b.endpoint.addresses.join()) ||
  compare(a.endpoint.zone, b.endpoint.zone);
