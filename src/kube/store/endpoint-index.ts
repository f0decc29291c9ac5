import type { SliceEndpoint } from '../../desired/cluster-view.ts';
import type { Endpoint, EndpointSliceRecord } from '../../model/endpoint-slice.ts';
import type { PodRecord } from '../../model/pod.ts';

/**
 * The endpoints of annotated Services by Kubernetes node, and those nodes by the pods behind the endpoints.
 * Slices of other Services never get in, so theirs are never unpacked.
 */
export class EndpointIndex {
  readonly #byNode = new Map<string, Map<EndpointSliceRecord, readonly SliceEndpoint[]>>();
  /** `namespace/pod` → node → how many endpoints say so. */
  readonly #nodesOfPod = new Map<string, Map<string, number>>();
  /** Pods that are gone, for as long as endpoints name them. */
  readonly #departed = new Map<string, PodRecord>();

  add(slice: EndpointSliceRecord): void {
    for (const [node, endpoints] of endpointsByNode(slice)) {
      const slices = this.#byNode.get(node);
      const entries = endpoints.map((endpoint) => ({ slice, endpoint }));
      if (slices === undefined) this.#byNode.set(node, new Map([[slice, entries]]));
      else slices.set(slice, entries);
    }
    for (const { podName, node } of slice.endpoints) {
      if (podName !== '') this.#count(podKey(slice.namespace, podName), node, 1);
    }
  }

  /** The very record that was added. */
  remove(slice: EndpointSliceRecord): void {
    for (const node of endpointsByNode(slice).keys()) {
      const slices = this.#byNode.get(node);
      slices?.delete(slice);
      if (slices?.size === 0) this.#byNode.delete(node);
    }
    for (const { podName, node } of slice.endpoints) {
      if (podName !== '') this.#count(podKey(slice.namespace, podName), node, -1);
    }
  }

  *onNode(node: string): Iterable<SliceEndpoint> {
    for (const endpoints of this.#byNode.get(node)?.values() ?? []) yield* endpoints;
  }

  /** The nodes that endpoints with this pod behind them name; '' for those that name none. */
  nodesOfPod(namespace: string, name: string): Iterable<string> {
    return this.#nodesOfPod.get(podKey(namespace, name))?.keys() ?? [];
  }

  /** The last record of a pod that is gone while endpoints name it. */
  departedPod(namespace: string, name: string): PodRecord | undefined {
    return this.#departed.get(podKey(namespace, name));
  }

  /** A pod is gone, with its last record, or is there. */
  setDeparted(namespace: string, name: string, pod: PodRecord | undefined): void {
    const key = podKey(namespace, name);
    if (pod !== undefined && this.#nodesOfPod.has(key)) this.#departed.set(key, pod);
    else this.#departed.delete(key);
  }

  #count(key: string, node: string, step: 1 | -1): void {
    let nodes = this.#nodesOfPod.get(key);
    if (nodes === undefined) {
      nodes = new Map();
      this.#nodesOfPod.set(key, nodes);
    }
    const count = (nodes.get(node) ?? 0) + step;
    if (count > 0) nodes.set(node, count);
    else nodes.delete(node);
    if (nodes.size > 0) return;
    this.#nodesOfPod.delete(key);
    this.#departed.delete(key);
  }
}

/** The slice's endpoints by the node they name ('' for none). */
export function endpointsByNode(slice: EndpointSliceRecord): Map<string, Endpoint[]> {
  const byNode = new Map<string, Endpoint[]>();
  for (const endpoint of slice.endpoints) {
    const endpoints = byNode.get(endpoint.node);
    if (endpoints === undefined) byNode.set(endpoint.node, [endpoint]);
    else endpoints.push(endpoint);
  }
  return byNode;
}

/** The nodes for which something differs between two versions of a slice; both may be absent. */
export function nodesThatDiffer(
  before: EndpointSliceRecord | undefined,
  after: EndpointSliceRecord | undefined,
): Set<string> {
  const old = before === undefined ? new Map<string, Endpoint[]>() : endpointsByNode(before);
  const now = after === undefined ? new Map<string, Endpoint[]>() : endpointsByNode(after);
  const nodes = new Set([...old.keys(), ...now.keys()]);
  if (before === undefined || after === undefined || !sameHead(before, after)) return nodes;
  for (const node of nodes) {
    if (JSON.stringify(old.get(node)) === JSON.stringify(now.get(node))) nodes.delete(node);
  }
  return nodes;
}

/** Whether what is true of every endpoint of the slice is the same. */
const sameHead = (a: EndpointSliceRecord, b: EndpointSliceRecord): boolean =>
  a.uid === b.uid &&
  a.service === b.service &&
  a.addressType === b.addressType &&
  JSON.stringify(a.ports) === JSON.stringify(b.ports);

const podKey = (namespace: string, name: string): string => `${namespace}/${name}`;
