import {
  checkDeclaration,
  type DeclarationRules,
  type DeclaringObject,
} from '../../desired/check-declaration.ts';
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
}

/**
 * What is wrong with the annotations of a manifest, each with its place, in no order. The operator's own code answers,
 * as if the object ran and were ready. Undefined when it asks for nothing.
 */
export function checkManifest(
  manifest: Manifest,
  { prefix, ...rules }: CheckOptions,
): readonly ManifestMistake[] | undefined {
  const wrongKeys = [...misspelt(manifest, prefix), ...misplaced(manifest, prefix)];
  const asking = manifest.declaring
    .map((declaring) => ({
      declaring,
      own: declaring.annotations.filter(({ key }) => key.startsWith(prefix)),
    }))
    .filter(({ own }) => own.length > 0);
  if (asking.length + wrongKeys.length === 0) return undefined;
  return [
    ...wrongKeys,
    ...asking.flatMap(({ declaring, own }) => {
      const mistakes = [
        ...notText(own, prefix),
        ...declarationMistakes(declaring, own, { prefix, ...rules }),
      ];
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
      field: place.key.slice(prefix.length),
      message: 'Kubernetes takes text only; put the value in quotes',
    }));

/** What stops the operator at a first mistake may hide others; so it answers again without what was wrong. */
const mostRounds = 8;

function declarationMistakes(
  { object }: Declaring,
  own: readonly ManifestAnnotation[],
  { prefix, ...rules }: CheckOptions,
): Found[] {
  const annotations = new Map(own.map(({ key, value }) => [key, asText(value)]));
  const written = new Set(annotations.keys());
  const found: Problem[] = [];
  try {
    for (let round = 0; round < mostRounds; round += 1) {
      const problems = checkDeclaration(recordOf(object, annotations, prefix), rules);
      const known = new Set(found.filter(isError).map(({ field }) => field));
      // What is missing now, or without effect, may be so only because of what was left out.
      const added = problems.filter(
        (problem) =>
          round === 0 ||
          (isError(problem) && written.has(prefix + problem.field) && !known.has(problem.field)),
      );
      found.push(...added);
      const wrong = added.filter((problem) => isError(problem) && written.has(prefix + problem.field));
      for (const { field } of wrong) annotations.delete(prefix + field);
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
      own.find(({ key }) => key.slice(prefix.length) === field) ??
      own.find(({ key }) => field.startsWith(`${key.slice(prefix.length)}[`)),
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
): DeclaringObject {
  const pool = new InternPool();
  const annotations = Object.fromEntries(texts);
  if (object.kind === 'Pod') {
    const { pod } = object;
    const metadata = { ...pod.metadata, annotations };
    return { kind: 'Pod', pod: podProjection(prefix, pool)({ ...pod, metadata }) };
  }
  const { service } = object;
  const metadata = { ...service.metadata, annotations };
  return { kind: 'Service', service: serviceProjection(prefix, pool)({ ...service, metadata }) };
}
