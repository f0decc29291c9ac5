import type { V1Namespace } from '@kubernetes/client-node';
import { checkDeclaration, type DeclarationRules } from '../../desired/check-declaration.ts';
import { annotationKey } from '../../desired/dialects/dialect.ts';
import { readDefaults } from '../../desired/namespace-defaults.ts';
import { allowedNames, type Sync, type SyncRules } from '../../desired/sync-rules.ts';
import { InternPool } from '../../kube/store/intern-pool.ts';
import { namespaceProjection } from '../../kube/store/project-namespace.ts';
import type { Problem } from '../../model/problem.ts';
import type { Position } from './documents.ts';
import type { ManifestMistake } from './manifest-mistake.ts';
import {
  type AskingManifest,
  asksByVariables,
  isByDefault,
  offlineSync,
  type RecordOptions,
  recordOf,
} from './manifest-record.ts';
import type { Declaring, Manifest, ManifestAnnotation } from './manifests.ts';
import { misplaced, misspelt } from './wrong-keys.ts';

export interface CheckOptions extends DeclarationRules, RecordOptions {
  /** What objects ask for without annotations, and which ones may stand on a Namespace. Default: nothing, and none. */
  readonly sync?: SyncRules;
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
  const sync = offlineSync(options.sync);
  const isRead = (key: string): boolean =>
    key.startsWith(prefix) || dialects.some((dialect) => key.startsWith(dialect.prefix));
  // The defaults of another program may register a Service without annotations, and so may those of the configuration.
  const asksAnyway = ({ object }: Declaring): boolean =>
    (object.kind === 'Service' && dialects.some(({ coversServices }) => coversServices)) ||
    (object.kind !== 'Namespace' &&
      (asksByVariables(object, options) || isByDefault(object, manifest.kind, options, sync)));
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
      const { object } = declaring;
      const mistakes = [
        ...notText(own, prefix),
        ...(object.kind === 'Namespace'
          ? placed(defaultsProblems(object.namespace, options), own, prefix)
          : [...leftOut(manifest, sync), ...declarationMistakes(object, own, options, sync)]),
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
      field: fieldOf(place.key, prefix),
      message: 'Kubernetes only accepts strings; put the value in quotes',
    }));

/** What annotationKey() makes a key of. */
const fieldOf = (key: string, prefix: string): string =>
  key.startsWith(prefix) ? key.slice(prefix.length) : key;

/** That nothing of its namespace is registered. One that is not written is chosen when the manifest is applied. */
function leftOut({ namespace }: Manifest, sync: Sync | undefined): readonly Found[] {
  if (namespace === 'default' || sync?.namespace(namespace, undefined).outside === undefined) return [];
  const message = `nothing in namespace ${namespace} is registered: sync.namespaces in the configuration excludes it`;
  return [{ place: undefined, severity: 'warning', field: '', message }];
}

/** What is wrong with the defaults that a Namespace sets. */
function defaultsProblems(namespace: V1Namespace, { prefix, sync }: CheckOptions): readonly Problem[] {
  const record = namespaceProjection(prefix, new InternPool(), undefined)(namespace);
  return readDefaults(record, allowedNames(sync?.namespaceAnnotations ?? [])).problems;
}

/** What stops the operator at a first mistake may hide others; so it answers again without what was wrong. */
const mostRounds = 8;

function declarationMistakes(
  object: AskingManifest,
  own: readonly ManifestAnnotation[],
  { prefix, dialects = [], sync: _, ...rules }: CheckOptions,
  sync: Sync | undefined,
): Found[] {
  const isWritten = ({ field }: Problem) => written.has(annotationKey(prefix, field));
  const annotations = new Map(own.map(({ key, value }) => [key, asText(value)]));
  const written = new Set(annotations.keys());
  const found: Problem[] = [];
  try {
    for (let round = 0; round < mostRounds; round += 1) {
      const problems = checkDeclaration(recordOf(object, annotations, { prefix, dialects }, sync), rules);
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
    const message = `does not have the form of a Kubernetes ${object.kind}; check its spec and annotations`;
    return [{ place: undefined, severity: 'error', field: '', message }];
  }
  return placed(found, own, prefix);
}

const placed = (problems: readonly Problem[], own: readonly ManifestAnnotation[], prefix: string): Found[] =>
  problems.map(({ field, message, severity }) => ({
    // `services[1].port` is in the annotation `services`.
    place:
      own.find(({ key }) => fieldOf(key, prefix) === field) ??
      own.find(({ key }) => field.startsWith(`${fieldOf(key, prefix)}[`)),
    severity,
    field,
    message,
  }));

const isError = ({ severity }: Problem): boolean => severity === 'error';

const asText = (value: unknown): string => (value === null || typeof value === 'object' ? '' : String(value));
