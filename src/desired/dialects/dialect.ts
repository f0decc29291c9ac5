import type { V1Pod, V1Service } from '@kubernetes/client-node';

/**
 * Translates another program's annotations to those of kube-registrar, which have no prefix here, so that
 * nothing behind the projection knows of dialects. What cannot be followed is there under its whole key
 * (`consul.hashicorp.com/service-port`), with the reason as its value: kube-registrar's own names have no `/`.
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

export type Translated = Readonly<Record<string, string>>;

/** What the object asks for in all dialects. The last that knows a field decides. */
export const translatedService = (dialects: readonly Dialect[], service: V1Service): Translated =>
  dialects.length === 0
    ? nothing
    : Object.assign({}, ...dialects.map(({ ofService }) => ofService?.(service)));

export const translatedPod = (dialects: readonly Dialect[], pod: V1Pod): Translated =>
  dialects.length === 0 ? nothing : Object.assign({}, ...dialects.map(({ ofPod }) => ofPod?.(pod)));

const nothing: Translated = {};

/** The key of an annotation, as it stands on the object: another program's, or the prefix and the field. */
export const annotationKey = (prefix: string, field: string): string =>
  isForeign(field) ? field : `${prefix}${field}`;

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
