import type { V1Container, V1Deployment, V1PodSpec } from '@kubernetes/client-node';
import type { KubeClient } from '../../kube/client.ts';
import { RegistrarError } from '../../lib/errors.ts';

/** A Deployment that runs the catalog sync of consul-k8s. */
export interface SyncCatalog {
  /** `consul/consul-sync-catalog`. */
  readonly name: string;
  readonly container: V1Container;
  readonly pod: V1PodSpec;
}

const subcommand = 'sync-catalog';

/** Every Deployment that runs it, in every namespace. */
export async function syncCatalogs(kube: KubeClient, signal: AbortSignal): Promise<SyncCatalog[]> {
  const deployments = await kube
    .list<V1Deployment>('/apis/apps/v1/deployments?limit=100', { signal })
    .catch((thrown: unknown) => {
      const error = RegistrarError.from(thrown);
      if (error.code !== 'forbidden') throw thrown;
      const message = `cannot find out whether consul-k8s runs, because Deployments in all namespaces cannot be listed; use a kubeconfig with this right`;
      throw new RegistrarError('forbidden', message, { cause: error });
    });
  return deployments.flatMap(({ metadata, spec }) => {
    const pod = spec?.template?.spec;
    const container = pod?.containers?.find((each) => wordsOf(each).includes(subcommand));
    if (pod === undefined || container === undefined) return [];
    return [{ name: `${metadata?.namespace}/${metadata?.name}`, container, pod }];
  });
}

/** The words of its command line. The chart starts it by a line of shell. */
export const wordsOf = ({ command = [], args = [] }: V1Container): string[] =>
  [...command, ...args]
    .join(' ')
    .replaceAll(/\\\s*\n/g, ' ')
    .split(/\s+/)
    .map((word) => word.replaceAll(/["']/g, ''))
    .filter((word) => word !== '');

/** Flags behind the subcommand, by name without hyphens; the last of several wins, lists have them all. */
export function flagsOf(container: V1Container): ReadonlyMap<string, readonly string[]> {
  const words = wordsOf(container);
  const flags = new Map<string, string[]>();
  for (const [index, word] of words.entries()) {
    const [, name = '', , value] = /^--?([A-Za-z0-9-]+)(=(.*))?$/s.exec(word) ?? [];
    if (name === '' || index < words.indexOf(subcommand)) continue;
    const next = words[index + 1];
    const given = value ?? (next === undefined || next.startsWith('-') ? 'true' : next);
    flags.set(name, [...(flags.get(name) ?? []), given]);
  }
  return flags;
}
