import type { ServiceName } from './keys.ts';

/** A Consul service with instances of several namespaces, or of another namespace than before. */
export interface SharedName {
  readonly service: ServiceName;
  /** The namespaces that have instances now, sorted. */
  readonly namespaces: readonly string[];
  /** The namespaces that used the name before; empty when the name was free. */
  readonly takenFrom: readonly string[];
}
