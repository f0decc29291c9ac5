/**
 * Service discovery for consumers: the package kube-registrar-naming, and `kube-registrar/naming` in the whole package.
 * It needs nothing of the operator and loads no Kubernetes client. Guide: docs/naming.md.
 */
export type { TlsOptions } from '../lib/http-transport.ts';
export { ConsulNaming, type ConsulNamingOptions } from './consul/consul-naming.ts';
export type {
  CallOptions,
  InstanceFilter,
  Naming,
  Query,
  ServiceSubscription,
  SubscribeOptions,
  SubscriptionCallback,
} from './contract.ts';
export type { InstanceDiff } from './diff.ts';
export { type HealthState, instanceKey, type ServiceInstance } from './instance.ts';
export { MemoryNaming, type MemoryNamingOptions } from './memory/memory-naming.ts';
export { MemoryRegistry } from './memory/memory-registry.ts';
export { NamingError, type NamingErrorCode, type Report } from './naming-error.ts';
export { Pool, type PoolOptions } from './pool.ts';
export type { Age, PoolMember } from './pool-members.ts';
export type { Registration } from './registration.ts';
export { byMeta, byTag, consistentHash, rankByHash, weighted } from './selectors.ts';
