import type { Instance } from './instance.ts';
import type { ConsulNodeName, InstanceId, ServiceName } from './keys.ts';
import type { NodeEntry } from './node-entry.ts';
import type { Problem } from './problem.ts';
import type { RouteResource } from './route.ts';

/**
 * What one Consul node should be: the outcome of desired/ and the input of plan/.
 */
export interface DesiredNode {
  readonly name: ConsulNodeName;
  /**
   * Undefined when nothing is wanted on the node and nothing on it is stale; the node is then removed with everything
   * on it. An entry without instances keeps the node while an instance of a stale source is on it.
   */
  readonly entry: NodeEntry | undefined;
  /** Instances that stay registered as they are, because their annotations are wrong at the moment. */
  readonly stale: readonly StaleSource[];
  readonly problems: readonly Problem[];
  /** Whether an instance on it warms up: see desired/warm-up.ts. Default false. */
  readonly warms?: boolean;
  /**
   * Instances that are wanted on another Consul node and are not registered there yet, with their wanted state. They
   * stay here until then, and only their checks are updated. Default: none.
   */
  readonly moving?: ReadonlyMap<InstanceId, Instance>;
  /**
   * Instances of Services that are reached otherwise now, and are not registered there yet. They stay until then, and
   * their readiness checks follow. Default: none.
   */
  readonly handedOver?: ReadonlyMap<InstanceId, HandedOver>;
  /** The parts of the cluster that could not be read. What is registered from them stays as it is. Default: none. */
  readonly unread?: readonly UnreadSource[];
  /** Services on this node whose name is shared between namespaces. Default: none. */
  readonly sharedNames?: readonly SharedName[];
}

/**
 * A source of instances whose annotations are wrong now. Its registered instances keep their registration; only their
 * readiness check follows the source. With `check` undefined the check is left alone.
 */
export interface StaleSource {
  /** Value of the instances' meta `kube-namespace`; names of Services are only unique within it. */
  readonly namespace: string;
  /** Value of the instances' meta `kube-pod-uid`; empty for endpoints without a pod, whose meta has none. */
  readonly podUid: string;
  /**
   * Value of the instances' meta `kube-service`: the Service's name. Empty when a pod's own annotations ask; such
   * instances have no such meta.
   */
  readonly kubeService: string;
  /** Value of the instances' meta `kube-route`. Absent: they have none. */
  readonly route?: string;
  /**
   * Only instances of this Consul service, and of those that `port: "*"` makes of it: `<service>-<port name>`. Empty:
   * every instance of the source that is not desired.
   */
  readonly service: string;
  /** Only this one of them. Default: all. */
  readonly instance?: InstanceId;
  /** Status and output for their readiness checks. */
  readonly check:
    | { readonly status: 'passing' | 'warning' | 'critical'; readonly output: string }
    | undefined;
}

/** What an instance is like while others take its place. */
export interface HandedOver {
  /** Status and output for its readiness check; undefined: it is left alone. */
  readonly check: StaleSource['check'];
}

/** A kind of object that the API server has refused to list since the start. A missing object then proves nothing. */
export interface UnreadSource {
  readonly resource: 'pods' | 'services' | 'endpointslices' | RouteResource;
  /** Empty: all namespaces. */
  readonly namespace: string;
}

/** A Consul service with instances of several namespaces, or of another namespace than before. */
export interface SharedName {
  readonly service: ServiceName;
  /** The namespaces that have instances now, sorted. */
  readonly namespaces: readonly string[];
  /** The namespaces that used the name before; empty when the name was free. */
  readonly takenFrom: readonly string[];
}
