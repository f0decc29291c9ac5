import type { ServiceName } from './keys.ts';

/** A Consul service with instances of several namespaces, or of another one than before. */
export interface SharedName {
  readonly service: ServiceName;
  /** That have instances now, sorted. */
  readonly namespaces: readonly string[];
  /** That had it before them; empty when the name was free. */
  readonly takenFrom: readonly string[];
}
