import type { StaleSource } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import type { Scope } from '../model/scope.ts';
import { metaSetters } from './annotations.ts';
import { denialText } from './claims.ts';
import type { Declaration } from './declaration.ts';
import { fieldOf } from './fields.ts';
import { quote } from './mistake.ts';
import type { DesiredOptions } from './options.ts';
import type { PatternRules } from './pattern-rules.ts';

/** What one pod, or one backend of a Service, contributes to its node. */
export interface SourceResult {
  /** The annotated object; undefined when its annotations ask for nothing. */
  readonly object: ObjectRef | undefined;
  readonly instances: readonly Instance[];
  readonly stale: readonly StaleSource[];
  readonly problems: readonly Problem[];
  /** Names of the declared Consul services in lower case, wrong declarations included. */
  readonly services: ReadonlySet<string>;
}

export const nothing: SourceResult = {
  object: undefined,
  instances: [],
  stale: [],
  problems: [],
  services: new Set(),
};

/** Value of the meta that says that an object did not ask by itself. */
export const byDefault = ({ scope }: { readonly scope?: Scope }): string =>
  scope?.byDefault === true ? 'true' : '';

/** Whether its Namespace was not read: what is registered then stays as it is. */
export const isUnknown = ({ scope }: { readonly scope?: Scope }): boolean => scope?.outside === 'unknown';

/** Everything in a declaration that the configuration denies to its namespace. */
export function denials(
  object: ObjectRef,
  declaration: Declaration,
  { claims, tagRules, metaRules, literalAddresses, consulK8s }: DesiredOptions,
): readonly Problem[] {
  const { namespace } = object;
  const { service, tags, meta } = declaration;
  const problems: Problem[] = [];
  if (declaration['id-scheme'] === 'consul-k8s' && consulK8s?.ids !== true) {
    const message = `compatibility.consulK8s.ids is not set, so this cluster does not use the ids of consul-k8s; remove id-scheme`;
    problems.push(problem(object, 'AnnotationDenied', fieldOf(declaration, 'id-scheme'), message));
  }
  const denial = claims?.(namespace, service);
  if (denial !== undefined) {
    const message = denialText(service, namespace, denial);
    problems.push(problem(object, 'ServiceNameDenied', fieldOf(declaration, 'service'), message));
  }
  const forbid = (field: string, rules: PatternRules | undefined, what: string, text: string): void => {
    const pattern = rules?.(namespace, text);
    if (pattern === undefined) return;
    const message = `${what} ${quote(text)} is denied to namespace ${quote(namespace)} by ${quote(pattern)} in the configuration; remove it`;
    problems.push(problem(object, 'AnnotationDenied', fieldOf(declaration, field), message));
  };
  const { address } = declaration;
  if (typeof address !== 'string' && literalAddresses?.(address.literal) !== true) {
    const message = `address ${quote(address.literal.text)} is not allowed by registration.literalAddresses in kube-registrar's configuration; choose an address that Kubernetes knows, such as "load-balancer"`;
    problems.push(problem(object, 'AnnotationDenied', fieldOf(declaration, 'address'), message));
  }
  for (const tag of tags) forbid('tags', tagRules, 'tag', tag);
  const setters = metaSetters.filter(({ name }) => declaration[name] !== undefined);
  for (const key of meta.keys()) {
    if (!setters.some(({ metaKey }) => metaKey === key)) forbid(`meta.${key}`, metaRules, 'meta key', key);
  }
  for (const { name, metaKey } of setters) forbid(name, metaRules, 'meta key', metaKey);
  return problems.slice(0, mostDenials);
}

/** One denial is enough to refuse a declaration; hundreds of tags must not become hundreds of Events. */
const mostDenials = 8;

/** A problem with an annotation that is well-formed. */
export function problem(
  object: ObjectRef,
  reason: Problem['reason'],
  field: string,
  message: string,
  severity: Problem['severity'] = 'error',
): Problem {
  return { object, reason, field, message, severity };
}
