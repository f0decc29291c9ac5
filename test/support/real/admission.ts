/** The chart's admission policies on a real API server, and what it then says of an object. */
import { type HelmObject, objectsIn, template } from './helm.ts';
import type { KubeApi } from './kube-api.ts';
import { annotations } from './workloads.ts';

const policies = '/apis/admissionregistration.k8s.io/v1';

export const podSpec = { containers: [{ name: 'main', image: 'main' }] };

type Fields = Readonly<Record<string, string>>;

/** The policies and their bindings, rendered with these arguments of helm's. */
export async function admission(...args: readonly string[]): Promise<HelmObject[]> {
  const objects = objectsIn(await template(...args));
  return objects.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'));
}

/** `onlyIn`: the one namespace where a binding holds. Default: where the chart says. */
export async function installPolicy(api: KubeApi, object: HelmObject, onlyIn?: string): Promise<void> {
  const spec = object['spec'] as { matchResources?: { namespaceSelector: object } };
  if (onlyIn !== undefined && spec.matchResources !== undefined)
    spec.matchResources.namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': onlyIn } };
  const isBinding = object.kind === 'ValidatingAdmissionPolicyBinding';
  await api.post(`${policies}/validatingadmissionpolic${isBinding ? 'ybindings' : 'ies'}`, object);
}

const metadata = (fields: Fields) => ({ name: 'web', annotations: annotations(fields) });

export const pod = (fields: Fields) => ({ kind: 'Pod', metadata: metadata(fields), spec: podSpec });

export const service = (fields: Fields) => ({
  kind: 'Service',
  metadata: metadata(fields),
  spec: { ports: [{ name: 'http', port: 80 }] },
});

/** A Deployment, Job or CronJob with annotations in its template. */
export function workload(kind: string, fields: Fields): { readonly kind: string } {
  const template = {
    metadata: { labels: { app: 'web' }, annotations: annotations(fields) },
    spec: kind === 'Deployment' ? podSpec : { ...podSpec, restartPolicy: 'Never' },
  };
  const spec = {
    Deployment: { selector: { matchLabels: { app: 'web' } }, template },
    Job: { template },
    CronJob: { schedule: '0 0 * * *', jobTemplate: { spec: { template } } },
  }[kind];
  return { kind, metadata: { name: 'web' }, spec } as { readonly kind: string };
}

const paths: Readonly<Record<string, string>> = {
  Pod: '/api/v1/namespaces/@/pods',
  Service: '/api/v1/namespaces/@/services',
  Deployment: '/apis/apps/v1/namespaces/@/deployments',
  CronJob: '/apis/batch/v1/namespaces/@/cronjobs',
  Namespace: '/api/v1/namespaces',
  Job: '/apis/batch/v1/namespaces/@/jobs',
};

/** Where objects of a kind are created. */
export const pathOf = (kind: string, namespace: string): string => paths[kind]!.replace('@', namespace);

/** What the API server says beside its answer to a dry run. Rejects when it refuses the object. */
export async function warningsAt(api: KubeApi, path: string, object: object): Promise<string[]> {
  const response = await api.send('POST', `${path}?dryRun=All`, object);
  await response.body.dump();
  const header = response.headers['warning'] ?? [];
  // 299 - "text", with quotes in the text escaped (RFC 7234 §5.5).
  return [header].flat().flatMap((text) => text.match(/(?<=299 - ")(?:[^"\\]|\\.)*/g) ?? []);
}
