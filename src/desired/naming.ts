import type { Placeholders } from './placeholders.ts';

/** How names in Consul are made of names in Kubernetes. */
export interface Naming {
  /** As configured: `{namespace}-{name}`. */
  readonly template: string;
  /** Whether names that annotations give go through the template, too. Otherwise only an object's own name does. */
  readonly explicit: boolean;
}

/** Whether names stay as they are. */
export const isAsItIs = ({ template }: Naming): boolean => template === '{name}';

/** A name and the template it was made by; undefined when no template is for it. */
export type NameOf = (name: string, isWritten: boolean) => Templated | undefined;

export interface Templated {
  /** It may be too long: that is for the caller to check. */
  readonly name: string;
  readonly template: string;
}

/**
 * Names by the template in the namespace of the object. `byDefault`: the name stands in no annotation; the configuration
 * registers what asks for nothing.
 */
export const nameIn =
  (places: Pick<Placeholders, 'podNamespace'>, { template, explicit }: Naming, byDefault: boolean): NameOf =>
  (name, isWritten) =>
    isWritten && !byDefault && !explicit ? undefined : { name: fill(template, name, places), template };

const fill = (template: string, name: string, places: Pick<Placeholders, 'podNamespace'>): string =>
  template.replaceAll(/\{(namespace|name)\}/g, (_, which) => (which === 'name' ? name : places.podNamespace));
