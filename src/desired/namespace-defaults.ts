import type { NamespaceRecord } from '../model/namespace.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import { describeDeclarations } from './declarations.ts';
import { isField, metaPrefix, unknownField } from './fields.ts';
import { type Complaint, quote, toProblems, warning } from './mistake.ts';
import { sampleLabels, sampleName } from './sample-objects.ts';

type Annotations = Readonly<Record<string, string>>;

export interface NamespaceDefaults {
  /** Those that can be used; undefined when there are none. */
  readonly defaults: Annotations | undefined;
  readonly problems: readonly Problem[];
}

/**
 * The defaults that a Namespace's annotations set for all objects in it. What is not allowed or wrong is left out, and
 * reported once at the Namespace instead of at each of its objects.
 */
export function readDefaults(
  { name, uid, annotations }: NamespaceRecord,
  isAllowed: (name: string) => boolean,
): NamespaceDefaults {
  const complaints: Complaint[] = [];
  const usable: Record<string, string> = {};
  for (const field of Object.keys(annotations).sort()) {
    if (isField(field) && isAllowed(field)) usable[field] = annotations[field]!;
    else complaints.push(warning(field, () => notAllowed(field)));
  }
  for (const { field, message, severity } of mistakesIn(usable, name)) {
    const isLeftOut = severity === 'error';
    // The objects are registered all the same.
    complaints.push(warning(field, isLeftOut ? `${message}; it is not used as a default` : message));
    if (isLeftOut) for (const wrong of namesOf(field, usable)) delete usable[wrong];
  }
  const object: ObjectRef = { kind: 'Namespace', namespace: '', name, uid };
  return {
    defaults: Object.keys(usable).length === 0 ? undefined : usable,
    problems: toProblems(object, complaints),
  };
}

/** What would be wrong with them on an object that has every label they ask for. */
function mistakesIn(annotations: Annotations, namespace: string) {
  if (Object.keys(annotations).length === 0) return [];
  const sample = {
    kind: 'Service',
    name: sampleName,
    annotations: { ...annotations, service: sampleName },
  } as const;
  const places = {
    podName: sampleName,
    podNamespace: namespace,
    podLabels: sampleLabels(annotations),
    nodeName: sampleName,
    nodeZone: sampleName,
    nodeRegion: sampleName,
    clusterName: sampleName,
  };
  return describeDeclarations(sample, places).mistakes;
}

/** The annotations that a mistake in `field` is about: too many keys of meta are wrong together. */
const namesOf = (field: string, annotations: Annotations): string[] =>
  Object.keys(annotations).filter(
    (name) => name === field || (field === 'meta' && name.startsWith(metaPrefix)),
  );

function notAllowed(name: string): string {
  if (name === 'service' || name === 'services') {
    return `${quote(name)} has no effect on a Namespace: set it on each object, or use sync.default`;
  }
  if (!isField(name)) return unknownField(name, 'annotation');
  return `${quote(name)} has no effect on a Namespace: sync.namespaceAnnotations in kube-registrar's configuration does not allow it`;
}
