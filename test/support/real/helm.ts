/** The chart, rendered and installed by the real helm. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { requireServers } from '../../servers/locate.ts';
import type { KubeObject } from './kube-api.ts';

const run = promisify(execFile);

export const root = fileURLToPath(new URL('../../../', import.meta.url));
export const chart = join(root, 'helm/kube-registrar');

export interface HelmObject extends KubeObject {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** Output of a helm command. Rejects with what it printed on stderr. */
export async function helm(...args: readonly string[]): Promise<string> {
  const { helm: program } = await requireServers(['helm']);
  return output(program, args);
}

/** Exit code and everything a helm command prints, also when it fails. */
export async function tryHelm(...args: readonly string[]): Promise<{ code: number; output: string }> {
  const { helm: program } = await requireServers(['helm']);
  return new Promise((resolve) => {
    execFile(program, [...args], { maxBuffer: 32 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

/** The chart as release kube-registrar in a namespace of that name. */
export function template(...args: readonly string[]): Promise<string> {
  return helm('template', 'kube-registrar', chart, '--namespace', 'kube-registrar', ...args);
}

/** Output of a kustomize build; the path is below manifests/. */
export async function kustomize(path: string): Promise<string> {
  const { kustomize: program } = await requireServers(['kustomize']);
  return output(program, ['build', join(root, 'manifests', path)]);
}

/** The objects in a stream of YAML documents. */
export function objectsIn(text: string): HelmObject[] {
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as HelmObject | null) ?? []);
}

async function output(program: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(program, [...args], { maxBuffer: 32 * 1024 * 1024 })).stdout;
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    throw new Error(stderr?.trim() || String(error), { cause: error });
  }
}
