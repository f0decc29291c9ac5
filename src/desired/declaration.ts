import type { ServiceName } from '../model/keys.ts';
import type { AnnotationValues } from './annotations.ts';
import type { PortRef } from './values.ts';

/** How an instance follows its source's health: known even where the rest of a declaration is wrong. */
export type HealthPolicy = Pick<AnnotationValues, 'check' | 'drain'>;

/** What is asked for, read and valid in itself. With the port `*` it stands for a service for each port. */
export interface WrittenDeclaration extends AnnotationValues {
  readonly kind: 'declared';
  /** Where it stands: empty for plain annotations, `services[1]` for an entry of the list. */
  readonly at: string;
  readonly service: ServiceName;
  readonly tags: readonly string[];
  /** The user's, with `protocol`. */
  readonly meta: ReadonlyMap<string, string>;
}

/** One service that is asked for; its port is resolved against the object. */
export interface Declaration extends WrittenDeclaration {
  readonly port: PortRef | undefined;
}

/** A declaration with mistakes: what is registered of it stays as it is. */
export interface BrokenDeclaration extends HealthPolicy {
  readonly kind: 'broken';
  /** Undefined when it cannot be read. */
  readonly address: AnnotationValues['address'] | undefined;
  /** Empty when not even the name can be read. */
  readonly service: string;
}
