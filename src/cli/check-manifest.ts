import {
  checkDeclaration,
  type DeclarationRules,
  type DeclaringObject,
} from '../desired/check-declaration.ts';
import { InternPool } from '../kube/store/intern-pool.ts';
import { podProjection } from '../kube/store/project-pod.ts';
import { serviceProjection } from '../kube/store/project-service.ts';
import type { Manifest } from './manifests.ts';

export interface CheckOptions extends DeclarationRules {
  /** With its slash: `kube-registrar.io/`. */
  readonly prefix: string;
}

/** Something wrong with what a manifest asks for. */
export interface ManifestMistake {
  readonly line: number;
  readonly column: number;
  readonly severity: 'error' | 'warning';
  /** Without the prefix; empty when none is to blame. */
  readonly field: string;
  readonly message: string;
}

/**
 * What is wrong with the annotations of a manifest, each with its place. The operator's own code answers, as if
 * the object ran and were ready.
 */
export function checkManifest(manifest: Manifest, { prefix, ...rules }: CheckOptions): ManifestMistake[] {
  const own = manifest.annotations.filter(({ key }) => key.startsWith(prefix));
  if (own.length === 0) return [];
  const mistakes: ManifestMistake[] = own
    .filter(({ value }) => typeof value !== 'string')
    .map(({ key, line, column }) => ({
      line,
      column,
      severity: 'error',
      field: key.slice(prefix.length),
      message: 'Kubernetes takes text only; put the value in quotes',
    }));
  if (mistakes.length > 0) return mistakes;
  try {
    const problems = checkDeclaration(recordOf(manifest.object, prefix), rules);
    return problems.map(({ field, message, severity }) => {
      // `services[1].port` is in the annotation `services`. What is missing is reported at the object.
      const { line, column } =
        own.find(({ key }) => key.slice(prefix.length) === field) ??
        own.find(({ key }) => field.startsWith(`${key.slice(prefix.length)}[`)) ??
        manifest;
      return { line, column, severity, field, message };
    });
  } catch {
    const { line, column } = manifest;
    const message = `cannot be read as what Kubernetes calls a ${manifest.object.kind}; see its ports and annotations`;
    return [{ line, column, severity: 'error', field: '', message }];
  }
}

function recordOf(object: Manifest['object'], prefix: string): DeclaringObject {
  const pool = new InternPool();
  return object.kind === 'Pod'
    ? { kind: 'Pod', pod: podProjection(prefix, pool)(object.pod) }
    : { kind: 'Service', service: serviceProjection(prefix, pool)(object.service) };
}
