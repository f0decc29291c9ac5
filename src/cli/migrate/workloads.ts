import type { KubernetesObject, V1Container, V1PodSpec } from '@kubernetes/client-node';
import type { KubeClient } from '../../kube/client.ts';
import { RegistrarError } from '../../lib/errors.ts';

/** A container of a workload, or of a pod. */
export interface Workload {
  readonly kind: string;
  /** `kube-system/registrator`. */
  readonly name: string;
  readonly container: V1Container;
}

/** How a program is recognised. */
export interface Program {
  readonly name: string;
  /** Whether it runs in the container. */
  readonly runsIn: (container: V1Container) => boolean;
}

interface WithTemplate extends KubernetesObject {
  readonly spec?: V1PodSpec & { readonly template?: { readonly spec?: V1PodSpec } };
  readonly status?: { readonly phase?: string };
}

/** Workloads before pods. */
const kinds = [
  ['Deployment', '/apis/apps/v1/deployments'],
  ['DaemonSet', '/apis/apps/v1/daemonsets'],
  ['StatefulSet', '/apis/apps/v1/statefulsets'],
  ['ReplicaSet', '/apis/apps/v1/replicasets'],
  ['Pod', '/api/v1/pods'],
] as const;

/**
 * Everything that runs a program, in every namespace: workloads, also with no replicas, and pods that have not ended.
 * What a Deployment has made is left out, but for its pods.
 */
export async function workloadsThatRun(
  { name: program, runsIn }: Program,
  kube: KubeClient,
  signal: AbortSignal,
): Promise<Workload[]> {
  const found: Workload[] = [];
  for (const [kind, path] of kinds) {
    const objects = await kube
      .list<WithTemplate>(`${path}?limit=100`, { signal })
      .catch((thrown: unknown) => sayWhatIsUnknown(thrown, program, kind));
    for (const { metadata, spec, status } of objects) {
      if (kind === 'ReplicaSet' && (metadata?.ownerReferences ?? []).length > 0) continue;
      if (status?.phase === 'Succeeded' || status?.phase === 'Failed') continue;
      const { containers = [] } = (kind === 'Pod' ? spec : spec?.template?.spec) ?? {};
      const container = containers.find(runsIn);
      if (container === undefined) continue;
      found.push({ kind, name: `${metadata?.namespace}/${metadata?.name}`, container });
    }
  }
  return found;
}

function sayWhatIsUnknown(thrown: unknown, program: string, kind: string): never {
  const error = RegistrarError.from(thrown);
  if (error.code !== 'forbidden') throw thrown;
  const message = `cannot find out whether ${program} runs, because objects of kind ${kind} cannot be listed in all namespaces; use a kubeconfig with this right`;
  throw new RegistrarError('forbidden', message, { cause: error });
}

/** Whether a container runs the program, by its image or by the command. */
export const runsProgram =
  (program: string) =>
  ({ image = '', command = [] }: V1Container): boolean =>
    lastPart(image.replace(/@.*$/, '').replace(/:[^/]*$/, '')) === program ||
    command.flatMap((text) => text.split(/\s+/)).some((word) => lastPart(word) === program);

const lastPart = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The arguments behind the program, and what follows them: Go's flags end with the first word that is none. */
export interface GoArguments {
  readonly flags: ReadonlyMap<string, string>;
  readonly rest: readonly string[];
}

/** Reads words as Go's package flag does. `booleans`: flags that take no value from the next word. */
export function goArguments(words: readonly string[], booleans: readonly string[]): GoArguments {
  const flags = new Map<string, string>();
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const [whole, name = '', given] = /^--?([A-Za-z0-9_-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (word === '--') break;
    if (whole === undefined) return { flags, rest: [word, ...left] };
    if (given !== undefined || booleans.includes(name)) flags.set(name, given ?? 'true');
    else flags.set(name, left.shift() ?? '');
  }
  return { flags, rest: left };
}

/** The words behind the program's name in the container's command line; a line of shell is taken apart. */
export function argumentsBehind(program: string, { command = [], args = [] }: V1Container): string[] {
  const words = [...command, ...args];
  const isShell = words.some((word) => /\s/.test(word) && word.includes(program));
  const all = isShell ? words.flatMap((word) => wordsOfShell(word)) : words;
  const at = all.findIndex((word) => lastPart(word) === program);
  return all.slice(at + 1);
}

/** A line for a shell as its words, without quotes. */
export const wordsOfShell = (line: string): string[] =>
  line
    .replaceAll(/\\\s*\n/g, ' ')
    .split(/\s+/)
    .map((word) => word.replaceAll(/["']/g, ''))
    .filter((word) => word !== '');
