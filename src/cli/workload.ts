import type { KubernetesObject, V1LabelSelector } from '@kubernetes/client-node';
import { KubeClient } from '../kube/client.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import { suggest } from '../lib/suggest.ts';
import type { Connections } from './connections.ts';
import { jobs, type WorkloadKind } from './object-kinds.ts';

export interface WorkloadRef {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
}

export interface Workload {
  /** As the API server has it. */
  readonly object: KubernetesObject;
  /** Names of its pods, which its selector or that of its Jobs finds, in their order. */
  readonly pods: readonly string[];
}

/** Of a CronJob so many Jobs are looked at, the newest first; it keeps four by default. */
const mostJobs = 20;

interface Selecting extends KubernetesObject {
  readonly spec?: { readonly selector?: V1LabelSelector };
}

/** Reads a workload and the names of its pods. Rejects with `not-found` and what may have been meant, or as KubeClient. */
export async function readWorkload(
  { kind: { kind, api, plural, makesJobs }, namespace, name }: WorkloadRef,
  { kube, clock }: Pick<Connections, 'kube' | 'clock'>,
  signal: AbortSignal,
): Promise<Workload> {
  const client = new KubeClient(kube, clock);
  const collection = `${api}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
  let object: Selecting;
  try {
    object = await client.get<Selecting>(`${collection}/${encodeURIComponent(name)}`, { signal });
  } catch (thrown) {
    const error = RegistrarError.from(thrown);
    if (error.code === 'not-found') {
      const meant = await nearName(client, collection, name, signal);
      throw new RegistrarError(
        'not-found',
        `${kind} ${JSON.stringify(name)} not found in namespace ${JSON.stringify(namespace)}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
      );
    }
    if (error.code !== 'forbidden') throw thrown;
    const text = `${describe(thrown)}; use an account with rights on ${plural}, or explain its pods: pod/NAME`;
    throw new RegistrarError('forbidden', text);
  }
  const owners = makesJobs === undefined ? [object] : await jobsOf(object, client, namespace, signal);
  const pods = new Set<string>();
  for (const { spec } of owners) {
    const selector = encodeURIComponent(selectorText(spec?.selector));
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods?labelSelector=${selector}`;
    for (const { metadata } of await client.list(path, { signal })) pods.add(metadata?.name ?? '');
  }
  return { object, pods: [...pods].sort() };
}

async function jobsOf(
  { metadata: cronJob }: KubernetesObject,
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Selecting[]> {
  const collection = `${jobs.api}/namespaces/${encodeURIComponent(namespace)}/${jobs.plural}`;
  const made = (await client.list<Selecting>(collection, { signal })).filter(
    ({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uid === cronJob?.uid) === true,
  );
  const createdAt = ({ metadata }: Selecting) => String(metadata?.creationTimestamp ?? '');
  return made.toSorted((a, b) => (createdAt(a) > createdAt(b) ? -1 : 1)).slice(0, mostJobs);
}

async function nearName(
  client: KubeClient,
  collection: string,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const all = await client.list(collection, { signal });
    return suggest(
      name,
      all.flatMap(({ metadata }) => metadata?.name ?? []),
    );
  } catch {
    // The hint is not worth another error.
    return undefined;
  }
}

/** As in `kubectl get pods -l`. */
function selectorText({ matchLabels = {}, matchExpressions = [] }: V1LabelSelector = {}): string {
  return [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values = [] }) => {
      switch (operator) {
        case 'Exists':
          return key;
        case 'DoesNotExist':
          return `!${key}`;
        default:
          return `${key} ${operator.toLowerCase()} (${values.join(',')})`;
      }
    }),
  ].join(',');
}
