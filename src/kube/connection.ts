import type { Transport } from '../lib/transport.ts';
import type { CredentialSource } from './credentials.ts';
import { inClusterCredentials, isInCluster } from './in-cluster.ts';
import { defaultKubeConfigFiles, kubeConfigCredentials, kubeConfigVariable } from './kube-config.ts';
import { KubeTransport } from './kube-transport.ts';

export interface ConnectionOptions {
  /** A kubeconfig. Default: `$KUBECONFIG`, else in a pod its service account, else `~/.kube/config`. */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig. Default: its current-context. */
  readonly context?: string;
  /** `kube-registrar/1.2.3`. */
  readonly userAgent: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Connection {
  readonly transport: Transport;
  /** The source of the credentials, for people: `kubeconfig /home/ada/.kube/config`, `service account`. */
  readonly source: string;
  /** `https://10.0.0.1:443`. */
  readonly server: string;
  /** The namespace of the context or of the pod. */
  readonly namespace: string;
}

/**
 * Finds and checks the credentials for the API server without a request to it. Rejects with `config`; the message
 * names the file and what is wrong with it.
 */
export async function connect(options: ConnectionOptions): Promise<Connection> {
  const source = await credentialSource(options);
  const { origin, basePath } = await source.read();
  return {
    transport: new KubeTransport({ source, userAgent: options.userAgent }),
    source: source.name,
    server: `${origin}${basePath}`,
    namespace: source.namespace,
  };
}

function credentialSource({ kubeconfig, context, env }: ConnectionOptions): Promise<CredentialSource> {
  const inContext = context === undefined ? {} : { context };
  if (kubeconfig !== undefined) return kubeConfigCredentials({ files: [kubeconfig], ...inContext });
  if (kubeConfigVariable(env).length === 0 && isInCluster(env)) return inClusterCredentials({ env });
  return kubeConfigCredentials({ files: defaultKubeConfigFiles(env), ...inContext });
}
