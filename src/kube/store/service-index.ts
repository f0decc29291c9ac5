import type { SliceEndpoint } from '../../desired/cluster-view.ts';
import { type Readiness, readinessOf } from '../../desired/readiness.ts';
import type { EndpointSliceRecord } from '../../model/endpoint-slice.ts';
import type { PodRecord } from '../../model/pod.ts';
import type { ServiceRecord } from '../../model/service.ts';
import { EndpointIndex, nodesThatDiffer } from './endpoint-index.ts';
import { NestedIndex } from './nested-index.ts';
import { type Concerned, WholeServices } from './whole-services.ts';

/** Which Kubernetes nodes a change concerns; '' stands for the endpoints that name none. */
export interface ConcernedNodes {
  readonly nodes: ReadonlySet<string>;
  /** Also every other node there is. */
  readonly everyNode: boolean;
}

/** Annotated Services and what they are reached by: their endpoints by node, or the Services as a whole. */
export class ServiceIndex {
  readonly #service: (namespace: string, name: string) => ServiceRecord | undefined;
  readonly #slices = new NestedIndex<EndpointSliceRecord>();
  readonly #endpoints = new EndpointIndex();
  /** Annotated Services without endpoints, by namespace and name. */
  readonly #unreached = new Map<string, ServiceRecord>();
  readonly #whole = new WholeServices();

  /** `service`: a Service as it counts now; it is annotated if that asks for anything. */
  constructor(service: (namespace: string, name: string) => ServiceRecord | undefined) {
    this.#service = service;
  }

  endpointsOnNode(node: string): Iterable<SliceEndpoint> {
    return this.#endpoints.onNode(node);
  }

  /** The slices of a Service, annotated or not. */
  slices(namespace: string, service: string): Iterable<EndpointSliceRecord> {
    return this.#slices.get(namespace, service);
  }

  /** Annotated Services without endpoints. */
  unreached(): Iterable<ServiceRecord> {
    return this.#unreached.values();
  }

  /** Annotated Services that may be registered by other addresses than those of their endpoints. */
  whole(): Iterable<ServiceRecord> {
    return this.#recordsOf(this.#whole.all());
  }

  /** Those of them that may be registered on every node. */
  onEveryNode(): Iterable<ServiceRecord> {
    return this.#recordsOf(this.#whole.onEveryNode());
  }

  readiness(namespace: string, name: string): Readiness | undefined {
    return this.#whole.readiness(namespace, name);
  }

  /** The last record of a pod that is gone while endpoints name it. */
  departedPod(namespace: string, name: string): PodRecord | undefined {
    return this.#endpoints.departedPod(namespace, name);
  }

  /** A pod is there, changed, or is gone. Returns the nodes of the endpoints that it stands behind. */
  podChanged(before: PodRecord | undefined, after: PodRecord | undefined): Set<string> {
    const { namespace, name } = (after ?? before)!;
    this.#endpoints.setDeparted(namespace, name, after === undefined ? before : undefined);
    return new Set(this.#endpoints.nodesOfPod(namespace, name));
  }

  /** A Service that was annotated before, or is now, has changed. */
  serviceChanged(namespace: string, name: string, had: boolean, has: boolean): ConcernedNodes {
    const nodes = new Set<string>();
    for (const slice of this.#slices.get(namespace, name)) {
      if (had && !has) this.#endpoints.remove(slice);
      if (has && !had) this.#endpoints.add(slice);
      for (const { node } of slice.endpoints) nodes.add(node);
    }
    const service = this.#annotated(namespace, name);
    const readiness = () => this.#readinessOf(namespace, name);
    return this.#concerned(nodes, [
      this.#noteReach(namespace, name),
      this.#whole.update(namespace, name, service, readiness),
    ]);
  }

  sliceChanged(
    before: EndpointSliceRecord | undefined,
    after: EndpointSliceRecord | undefined,
  ): ConcernedNodes {
    const wanted = (slice: EndpointSliceRecord | undefined) =>
      slice !== undefined && this.#annotated(slice.namespace, slice.service) !== undefined
        ? slice
        : undefined;
    const [old, now] = [wanted(before), wanted(after)];
    if (before !== undefined) this.#slices.delete(before.namespace, before.service, before);
    if (after !== undefined) this.#slices.add(after.namespace, after.service, after);
    if (old !== undefined) now?.share?.(old);
    if (now !== undefined) this.#endpoints.add(now);
    if (old !== undefined) this.#endpoints.remove(old);
    const concerned: Concerned[] = [];
    for (const slice of [old, now]) {
      if (slice === undefined) continue;
      const { namespace, service } = slice;
      const readiness = () => this.#readinessOf(namespace, service);
      concerned.push(
        this.#noteReach(namespace, service),
        this.#whole.endpointsChanged(namespace, service, readiness),
      );
    }
    return this.#concerned(nodesThatDiffer(old, now), concerned);
  }

  /** Slices that could not be read have been. A Service without any has no event that would say so. */
  slicesRead(): ConcernedNodes {
    const everyNode = !this.#whole.isEmpty;
    return { nodes: new Set(everyNode ? [''] : []), everyNode };
  }

  /** Notes whether a Service has endpoints. */
  #noteReach(namespace: string, name: string): Concerned {
    const key = `${namespace}/${name}`;
    const service = this.#annotated(namespace, name);
    const unreached = this.#hasEndpoints(namespace, name) ? undefined : service;
    const noNode = this.#unreached.get(key) !== unreached;
    if (unreached === undefined) this.#unreached.delete(key);
    else this.#unreached.set(key, unreached);
    return { noNode, everyNode: false };
  }

  #hasEndpoints(namespace: string, name: string): boolean {
    for (const { endpoints } of this.#slices.get(namespace, name)) {
      if (endpoints.length > 0) return true;
    }
    return false;
  }

  #readinessOf(namespace: string, name: string): Readiness {
    return readinessOf([...this.#slices.get(namespace, name)].flatMap(({ endpoints }) => endpoints));
  }

  #annotated(namespace: string, name: string): ServiceRecord | undefined {
    const service = this.#service(namespace, name);
    return hasAnnotations(service) ? service : undefined;
  }

  *#recordsOf(services: ReturnType<WholeServices['all']>): Iterable<ServiceRecord> {
    for (const { namespace, name } of services) {
      const record = this.#service(namespace, name);
      if (record !== undefined) yield record;
    }
  }

  #concerned(nodes: Set<string>, parts: readonly Concerned[]): ConcernedNodes {
    if (parts.some(({ noNode }) => noNode)) nodes.add('');
    return { nodes, everyNode: parts.some(({ everyNode }) => everyNode) };
  }
}

export const hasAnnotations = (object: PodRecord | ServiceRecord | undefined): boolean => {
  for (const _ in object?.annotations) return true;
  return false;
};
