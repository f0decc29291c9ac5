/** A container of a pod as the kubelet would start it: command, environment and files are those of the object. */
import { type ContainerOptions, entrypoint } from './image.ts';
import type { Kube } from './kube.ts';

export interface PodSpec {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken?: boolean;
  readonly volumes?: readonly Volume[];
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
}

export interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly resources?: { readonly limits?: { readonly memory?: string } };
}

interface Volume {
  readonly name: string;
  readonly emptyDir?: object;
  readonly configMap?: { readonly name: string; readonly items?: readonly Item[] };
  readonly secret?: { readonly secretName: string; readonly items?: readonly Item[] };
  readonly projected?: { readonly sources: readonly Source[] };
}

/** What the ServiceAccount admission plugin projects into a pod. */
interface Source {
  readonly serviceAccountToken?: { readonly path: string; readonly expirationSeconds: number };
  readonly configMap?: NonNullable<Volume['configMap']>;
  readonly downwardAPI?: { readonly items: readonly [{ readonly path: string }] };
}

interface Item {
  readonly key: string;
  readonly path: string;
}

type Files = Readonly<Record<string, string>>;

/** Of a pod, or of a template of one. `services`: names of the namespace's Services, which resolve. */
export async function containerOptions(
  kube: Kube,
  namespace: string,
  spec: PodSpec,
  container: Container,
  services: readonly string[] = [],
): Promise<ContainerOptions> {
  const mounts: Record<string, Files> = {};
  const emptyDirs: string[] = [];
  const credentials = '/var/run/secrets/kubernetes.io/serviceaccount';
  const isTemplate = !container.volumeMounts?.some(({ mountPath }) => mountPath === credentials);
  if (isTemplate && spec.automountServiceAccountToken) {
    mounts[credentials] = {
      namespace,
      'ca.crt': kube.ca,
      token: await kube.serviceAccountToken(namespace, spec.serviceAccountName),
    };
  }
  for (const { name, mountPath } of container.volumeMounts ?? []) {
    const volume = spec.volumes?.find((candidate) => candidate.name === name);
    if (volume === undefined) throw new Error(`volume ${name} does not exist`);
    if (volume.emptyDir !== undefined) emptyDirs.push(mountPath);
    else mounts[mountPath] = await filesOf(kube, namespace, spec, volume);
  }
  const { hostname, port } = new URL(kube.url);
  const env: Record<string, string> = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  for (const { name, value } of container.env ?? []) {
    if (value === undefined) throw new Error(`variable ${name}: only values are understood here`);
    env[name] = value;
  }
  return {
    mounts,
    emptyDirs,
    env,
    command: [...(container.command ?? entrypoint), ...(container.args ?? [])],
    hosts: services.map((service) => `${service}.${namespace}.svc`),
    memoryBytes: bytes(container.resources?.limits?.memory),
  };
}

async function filesOf(kube: Kube, namespace: string, spec: PodSpec, volume: Volume): Promise<Files> {
  const core = `/api/v1/namespaces/${namespace}`;
  const configMap = async ({ name, items }: NonNullable<Volume['configMap']>): Promise<Files> =>
    picked((await kube.api.get<{ data: Files }>(`${core}/configmaps/${name}`)).data, items);
  if (volume.configMap !== undefined) return configMap(volume.configMap);
  if (volume.secret !== undefined) {
    const { data } = await kube.api.get<{ data: Files }>(`${core}/secrets/${volume.secret.secretName}`);
    const decoded = Object.entries(data).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]);
    return picked(Object.fromEntries(decoded), volume.secret.items);
  }
  if (volume.projected === undefined) throw new Error(`volume ${volume.name} is of no kind understood here`);
  const files: Record<string, string> = {};
  for (const source of volume.projected.sources) {
    if (source.serviceAccountToken !== undefined) {
      const { path } = source.serviceAccountToken;
      files[path] = await kube.serviceAccountToken(namespace, spec.serviceAccountName);
    }
    if (source.configMap !== undefined) Object.assign(files, await configMap(source.configMap));
    if (source.downwardAPI !== undefined) files[source.downwardAPI.items[0].path] = namespace;
  }
  return files;
}

function picked(data: Files, items: readonly Item[] | undefined): Files {
  return items === undefined ? data : Object.fromEntries(items.map(({ key, path }) => [path, data[key]!]));
}

/** `512Mi` in bytes. */
function bytes(quantity: string | undefined): number | undefined {
  if (quantity === undefined) return undefined;
  const [, number, unit] = /^(\d+)([MG]i)$/.exec(quantity) ?? [];
  if (number === undefined) throw new Error(`${quantity}: only Mi and Gi are understood here`);
  return Number(number) * 2 ** (unit === 'Gi' ? 30 : 20);
}
