import type { StaleSource } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import { denialText } from './claims.ts';
import type { Declaration, HealthPolicy } from './declaration.ts';
import { type Condition, standing } from './health.ts';
import type { DesiredOptions } from './options.ts';
import { fieldOf } from './raw-declaration.ts';

/** What one pod, or one endpoint of a Service, contributes to its node. */
export interface SourceResult {
  /** The object whose annotations are meant; undefined when they ask for nothing. */
  readonly object: ObjectRef | undefined;
  readonly instances: readonly Instance[];
  readonly stale: readonly StaleSource[];
  readonly problems: readonly Problem[];
  /** Names of the Consul services asked for, wrong declarations included. */
  readonly services: ReadonlySet<string>;
}

export const nothing: SourceResult = {
  object: undefined,
  instances: [],
  stale: [],
  problems: [],
  services: new Set(),
};

/** Keeps what is registered of a source whose declaration is wrong; undefined when it is to go anyway. */
export function staleSource(
  source: Pick<StaleSource, 'namespace' | 'podUid' | 'kubeService'>,
  declared: HealthPolicy & { readonly service: string },
  condition: Condition,
): StaleSource | undefined {
  const now = standing(condition, declared);
  if (now.kind === 'deregistered') return undefined;
  const { namespace, podUid, kubeService } = source;
  return { namespace, podUid, kubeService, service: declared.service, check: now.check };
}

/** The problem when the namespace may not register the name; undefined when it may. */
export function denied(
  object: ObjectRef,
  declaration: Declaration,
  { claims }: DesiredOptions,
): Problem | undefined {
  const denial = claims?.(object.namespace, declaration.service);
  if (denial === undefined) return undefined;
  const message = denialText(declaration.service, object.namespace, denial);
  return problem(object, 'ServiceNameDenied', fieldOf(declaration, 'service'), message);
}

/** A problem that is no mistake in an annotation's text but in what it meets. */
export function problem(
  object: ObjectRef,
  reason: Problem['reason'],
  field: string,
  message: string,
  severity: Problem['severity'] = 'error',
): Problem {
  return { object, reason, field, message, severity };
}
