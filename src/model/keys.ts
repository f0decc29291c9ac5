/**
 * Branded strings, so that a node's name cannot be passed where an instance's id belongs. Each is made in one place:
 * desired/ makes them from Kubernetes objects, registry/ from what Consul answers.
 */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Name of a Consul node: `<cluster>-<kubernetes node>` or `<cluster>-endpoints`. */
export type ConsulNodeName = Branded<'ConsulNodeName'>;
/** Id of a Consul service instance, unique over the whole cluster. */
export type InstanceId = Branded<'InstanceId'>;
/** Id of a Consul check, unique on its node. */
export type CheckId = Branded<'CheckId'>;
/** Name of a Consul service, usable in DNS. */
export type ServiceName = Branded<'ServiceName'>;
/** Uid of the namespace kube-system, or the configured one: who owns a Consul node. */
export type ClusterUid = Branded<'ClusterUid'>;

export const consulNodeName = (text: string): ConsulNodeName => text as ConsulNodeName;
export const instanceId = (text: string): InstanceId => text as InstanceId;
export const checkId = (text: string): CheckId => text as CheckId;
export const serviceName = (text: string): ServiceName => text as ServiceName;
export const clusterUid = (text: string): ClusterUid => text as ClusterUid;
