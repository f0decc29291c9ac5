import type { V1Pod, V1Service } from '@kubernetes/client-node';

/**
 * Translates another program's annotations to those of kube-registrar, which have no prefix here, so that
 * nothing behind the projection knows of dialects. What is not followed is there under its whole key
 * (`consul.hashicorp.com/service-port`), with the reason: kube-registrar's own names have no `/`.
 */
export interface Dialect {
  /** The program, for people. */
  readonly name: string;
  /** What their keys begin with, with its slash. */
  readonly prefix: string;
  /** Its defaults register Services without annotations. */
  readonly coversServices?: true;
  readonly ofService?: (service: V1Service) => Translated;
  readonly ofPod?: (pod: V1Pod) => Translated;
}

export type Translated = Readonly<Record<string, string | NotFollowed>>;

/** Why an annotation of theirs is not followed. */
export interface NotFollowed {
  /** `error`: the object is not registered. `warning`: it is, without this. */
  readonly severity: 'error' | 'warning';
  readonly why: string;
  /** The annotation of kube-registrar that says it instead; with it on the object, theirs does not count. */
  readonly counterpart?: string;
}

/** It cannot be followed, and a guess would register something else than they did. */
export const refuse = (why: string, counterpart?: string): NotFollowed => ({
  severity: 'error',
  why,
  ...(counterpart === undefined ? {} : { counterpart }),
});

/** It has no effect, which is named because somebody wrote it on purpose. */
export const ignore = (why: string): NotFollowed => ({ severity: 'warning', why });

/** As a record keeps it, whose annotations are texts. */
export const notFollowedText = ({ severity, why }: NotFollowed): string => `${severity}: ${why}`;

export function readNotFollowed(text: string): Pick<NotFollowed, 'severity' | 'why'> {
  const end = text.indexOf(': ');
  return { severity: text.startsWith('warning') ? 'warning' : 'error', why: text.slice(end + 2) };
}

/** What the object asks for in all dialects. The last that knows a field decides. */
export const translatedService = (dialects: readonly Dialect[], service: V1Service): Translated =>
  dialects.length === 0
    ? nothing
    : Object.assign({}, ...dialects.map(({ ofService }) => ofService?.(service)));

export const translatedPod = (dialects: readonly Dialect[], pod: V1Pod): Translated =>
  dialects.length === 0 ? nothing : Object.assign({}, ...dialects.map(({ ofPod }) => ofPod?.(pod)));

const nothing: Translated = {};

/** The fields of one service; tags are a list. */
export type DeclaredFields = Readonly<Record<string, string | readonly string[]>>;

/** One service by its fields, several as the list `services`. */
export function asDeclared(services: readonly DeclaredFields[]): Translated {
  const [only, ...others] = services;
  if (only === undefined) return nothing;
  // JSON is YAML.
  if (others.length > 0) return { services: JSON.stringify(services) };
  return Object.fromEntries(
    Object.entries(only).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : value.map((tag) => tag.replaceAll(',', '\\,')).join(','),
    ]),
  );
}

/** Stands in front of what is a variable of a container, so that it is no annotation's key. */
export const variablePrefix = 'env/';

/** The key of an annotation, as it stands on the object: another program's, or the prefix and the field; or a variable. */
export function annotationKey(prefix: string, field: string): string {
  if (field.startsWith(variablePrefix)) return field.slice(variablePrefix.length);
  return isForeign(field) ? field : `${prefix}${field}`;
}

/** Whether a field is another program's annotation, by its whole key. */
export const isForeign = (field: string): boolean => /^[a-z0-9.-]+\//.test(field);

/** As Go's strconv.ParseBool; undefined for every other text. */
export function goBool(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (/^(?:1|t|T|true|TRUE|True)$/.test(text)) return true;
  return /^(?:0|f|F|false|FALSE|False)$/.test(text) ? false : undefined;
}

/** Text that stands for itself: our values may hold placeholders. */
export const literal = (text: string): string => text.replaceAll('{', '{{').replaceAll('}', '}}');
