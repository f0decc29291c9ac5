import type { DeclaringObject } from '../../desired/check-declaration.ts';
import { type Dialect, translatedPod, variablePrefix } from '../../desired/dialects/dialect.ts';
import { samplePod } from '../../desired/sample-objects.ts';
import { createSync, type NamespaceScope, type Sync, type SyncRules } from '../../desired/sync-rules.ts';
import { InternPool } from '../../kube/store/intern-pool.ts';
import { podProjection } from '../../kube/store/project-pod.ts';
import { routeProjection } from '../../kube/store/project-route.ts';
import { serviceProjection } from '../../kube/store/project-service.ts';
import type { PodRecord } from '../../model/pod.ts';
import type { ServiceRecord } from '../../model/service.ts';
import type { Declaring } from './manifests.ts';

export interface RecordOptions {
  /** With its slash: `kube-registrar.io/`. */
  readonly prefix: string;
  /** Whose annotations are read beside ours. Default: nobody's. */
  readonly dialects?: readonly Dialect[];
}

/** A Pod, a pod template, a Service, an Ingress or a route. */
export type AskingManifest = Exclude<Declaring['object'], { readonly kind: 'Namespace' }>;

/** What objects ask for without annotations. Nothing is known of Namespaces but their names: their labels count as right. */
export function offlineSync(rules: SyncRules | undefined): Sync | undefined {
  const { selector: _, ...names } = rules?.namespaces ?? {};
  return rules && createSync({ ...rules, namespaces: names, namespaceAnnotations: [] });
}

/** Whether it is registered without asking by itself. Jobs make pods that serve nobody. */
export function isByDefault(
  object: AskingManifest,
  kind: string,
  options: RecordOptions,
  sync: Sync | undefined,
): boolean {
  if (sync === undefined || kind === 'Job' || kind === 'CronJob' || 'route' in object) return false;
  try {
    const record = rawRecordOf(object, new Map(), options);
    return sync.notByDefault(record, sync.namespace(record.namespace, undefined)) === undefined;
  } catch {
    // What cannot be read asks for nothing.
    return false;
  }
}

/** Whether a pod asks by what is not an annotation: the variables of its containers. */
export function asksByVariables(object: AskingManifest, { dialects = [] }: RecordOptions): boolean {
  if (object.kind !== 'Pod') return false;
  const meant = dialects.filter(({ prefix }) => prefix === variablePrefix);
  try {
    return Object.keys(translatedPod(meant, object.pod)).length > 0;
  } catch {
    // What cannot be read asks for nothing.
    return false;
  }
}

const inside: NamespaceScope = { takesDefault: true, problems: [] };

/** The object with these annotations, as it counts where it is registered. */
export function recordOf(
  object: AskingManifest,
  texts: ReadonlyMap<string, string>,
  options: RecordOptions,
  sync: Sync | undefined,
): DeclaringObject {
  if ('route' in object) {
    const { kind, route } = object;
    const metadata = { ...route.metadata, annotations: Object.fromEntries(texts) };
    const project = routeProjection(kind, options.prefix, new InternPool(), usesAll);
    return { kind, route: project({ ...route, metadata }) };
  }
  const record = rawRecordOf(object, texts, options);
  return 'ips' in record
    ? { kind: 'Pod', pod: { ...samplePod(record), ...sync?.pod(record, inside) } }
    : { kind: 'Service', service: { ...record, ...sync?.service(record, inside) } };
}

function rawRecordOf(
  object: Exclude<AskingManifest, { readonly route: unknown }>,
  texts: ReadonlyMap<string, string>,
  { prefix, dialects = [] }: RecordOptions,
): PodRecord | ServiceRecord {
  const pool = new InternPool();
  const annotations = Object.fromEntries(texts);
  if (object.kind === 'Pod') {
    const { pod } = object;
    const metadata = { ...pod.metadata, annotations };
    return podProjection(prefix, pool, dialects, true)({ ...pod, metadata });
  }
  const { service } = object;
  const metadata = { ...service.metadata, annotations };
  return serviceProjection(prefix, pool, dialects, { uses: usesAll })({ ...service, metadata });
}

/** All labels, since any of them may be asked for. */
const usesAll = (): boolean => true;
