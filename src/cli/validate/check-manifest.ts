import {
  checkDeclaration,
  type DeclarationRules,
  type DeclaringObject,
} from '../../desired/check-declaration.ts';
import { annotationKey, type Dialect } from '../../desired/dialects/dialect.ts';
import { InternPool } from '../../kube/store/intern-pool.ts';
import { podProjection } from '../../kube/store/project-pod.ts';
import { serviceProjection } from '../../kube/store/project-service.ts';
import type { Problem } from '../../model/problem.ts';
import type { Position } from './documents.ts';
import type { ManifestMistake } from './manifest-mistake.ts';
import type { Declaring, Manifest, ManifestAnnotation } from './manifests.ts';
import { misplaced, misspelt } from './wrong-keys.ts';

export interface CheckOptions extends DeclarationRules {
  /** With its slash: `kube-registrar.io/`. */
  readonly prefix: string;
  /** Whose annotations are read beside ours. Default: nobody's. */
  readonly dialects?: readonly Dialect[];
}

/**
 * What is wrong with the annotations of a manifest, each with its place, in no order. The operator's own code answers,
 * as if the object ran and were ready. Undefined when it asks for nothing.
 */
export function checkManifest(
  manifest: Manifest,
  options: CheckOptions,
): readonly ManifestMistake[] | undefined {
  const { prefix, dialects = [] } = options;
  const isRead = (key: string): boolean =>
    key.startsWith(prefix) || dialects.some((dialect) => key.startsWith(dialect.prefix));
  // The defaults of another program may register a Service without annotations.
  const asksAnyway = ({ object }: Declaring): boolean =>
    object.kind === 'Service' && dialects.some(({ ofService }) => ofService !== undefined);
  const wrongKeys = [...misspelt(manifest, prefix), ...misplaced(manifest, prefix)];
  const asking = manifest.declaring
    .map((declaring) => ({
      declaring,
      own: declaring.annotations.filter(({ key }) => isRead(key)),
    }))
    .filter(({ declaring, own }) => own.length > 0 || asksAnyway(declaring));
  if (asking.length + wrongKeys.length === 0) return undefined;
  return [
    ...wrongKeys,
    ...asking.flatMap(({ declaring, own }) => {
      const mistakes = [...notText(own, prefix), ...declarationMistakes(declaring, own, options)];
      return mistakes.map(({ place, ...rest }) => {
        const { line, column } = place ?? manifest;
        return { line, column, ...rest };
      });
    }),
  ];
}

interface Found extends Omit<ManifestMistake, keyof Position> {
  /** Undefined: the object. What is missing is reported there. */
  readonly place: Position | undefined;
}

const notText = (own: readonly ManifestAnnotation[], prefix: string): Found[] =>
  own
    .filter(({ value }) => typeof value !== 'string')
    .map((place) => ({
      place,
      severity: 'error',
      field: fieldOf(place.key, prefix),
      message: 'Kubernetes takes text only; put the value in quotes',
    }));

/** What annotationKey() makes a key of. */
const fieldOf = (key: string, prefix: string): string =>
  key.startsWith(prefix) ? key.slice(prefix.length) : key;

/** What stops the operator at a first mistake may hide others; so it answers again without what was wrong. */
const mostRounds = 8;

function declarationMistakes(
  { object }: Declaring,
  own: readonly ManifestAnnotation[],
  { prefix, dialects = [], ...rules }: CheckOptions,
): Found[] {
  const isWritten = ({ field }: Problem) => written.has(annotationKey(prefix, field));
  const annotations = new Map(own.map(({ key, value }) => [key, asText(value)]));
  const written = new Set(annotations.keys());
  const found: Problem[] = [];
  try {
    for (let round = 0; round < mostRounds; round += 1) {
      const problems = checkDeclaration(recordOf(object, annotations, prefix, dialects), rules);
      const known = new Set(found.filter(isError).map(({ field }) => field));
      // What is missing now, or without effect, may be so only because of what was left out.
      const added = problems.filter(
        (problem) => round === 0 || (isError(problem) && isWritten(problem) && !known.has(problem.field)),
      );
      found.push(...added);
      const wrong = added.filter((problem) => isError(problem) && isWritten(problem));
      for (const { field } of wrong) annotations.delete(annotationKey(prefix, field));
      // Without it nothing is asked for, and the rest is not read.
      const lacksName = !annotations.has(`${prefix}service`) && !annotations.has(`${prefix}services`);
      if (lacksName) annotations.set(`${prefix}service`, 'name');
      if (wrong.length === 0 && !lacksName) break;
    }
  } catch {
    const message = `cannot be read as what Kubernetes calls a ${object.kind}; see its ports and annotations`;
    return [{ place: undefined, severity: 'error', field: '', message }];
  }
  return found.map(({ field, message, severity }) => ({
    // `services[1].port` is in the annotation `services`.
    place:
      own.find(({ key }) => fieldOf(key, prefix) === field) ??
      own.find(({ key }) => field.startsWith(`${fieldOf(key, prefix)}[`)),
    severity,
    field,
    message,
  }));
}

const isError = ({ severity }: Problem): boolean => severity === 'error';

const asText = (value: unknown): string => (value === null || typeof value === 'object' ? '' : String(value));

function recordOf(
  object: Declaring['object'],
  texts: ReadonlyMap<string, string>,
  prefix: string,
  dialects: readonly Dialect[],
): DeclaringObject {
  const pool = new InternPool();
  const annotations = Object.fromEntries(texts);
  if (object.kind === 'Pod') {
    const { pod } = object;
    const metadata = { ...pod.metadata, annotations };
    return { kind: 'Pod', pod: podProjection(prefix, pool, dialects)({ ...pod, metadata }) };
  }
  const { service } = object;
  const metadata = { ...service.metadata, annotations };
  return { kind: 'Service', service: serviceProjection(prefix, pool, dialects)({ ...service, metadata }) };
}
