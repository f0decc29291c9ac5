import type { Instance } from './instance.ts';
import type { ConsulNodeName, InstanceId } from './keys.ts';
import type { NodeEntry } from './node-entry.ts';
import type { Problem } from './problem.ts';
import type { SharedName } from './shared-name.ts';

/**
 * What one Consul node should be: the outcome of desired/ and the input of plan/.
 */
export interface DesiredNode {
  readonly name: ConsulNodeName;
  /**
   * Undefined when nothing is wanted on the node and nothing on it is stale: it is then removed with
   * everything on it. With stale sources only, an entry without instances keeps the node while there is an
   * instance of theirs on it.
   */
  readonly entry: NodeEntry | undefined;
  /** Instances to leave registered as they are, because what asks for them is wrong at the moment. */
  readonly stale: readonly StaleSource[];
  readonly problems: readonly Problem[];
  /**
   * Instances that belong to another Consul node now and are not registered there yet, as they are wanted
   * there. They stay until they are; only their checks follow. Default: none.
   */
  readonly moving?: ReadonlyMap<InstanceId, Instance>;
  /** What of the cluster could not be read, so that what is registered from it stays as it is. Default: nothing. */
  readonly unread?: readonly UnreadSource[];
  /** What is to be said of the services on this node. Default: nothing. */
  readonly sharedNames?: readonly SharedName[];
}

/**
 * A source of instances whose annotations are wrong now. Already registered instances of it keep their
 * registration; only their readiness check goes on to follow the source (`check` undefined: left alone).
 */
export interface StaleSource {
  /** Value of the instances' meta `kube-namespace`; names of Services are only unique within it. */
  readonly namespace: string;
  /** Value of the instances' meta `kube-pod-uid`; empty for endpoints without a pod, whose meta has none. */
  readonly podUid: string;
  /**
   * Value of the instances' meta `kube-service`, the Service's name; empty when the source is a pod's own
   * annotations, whose instances have no such meta.
   */
  readonly kubeService: string;
  /** Only instances of this Consul service; empty = every one of the source that is not desired otherwise. */
  readonly service: string;
  /** Status and output for their readiness checks. */
  readonly check:
    | { readonly status: 'passing' | 'warning' | 'critical'; readonly output: string }
    | undefined;
}

/** Objects of one kind that the API server has refused since the start: that they are missing says nothing. */
export interface UnreadSource {
  readonly resource: 'pods' | 'services' | 'endpointslices';
  /** Empty: all namespaces. */
  readonly namespace: string;
}
