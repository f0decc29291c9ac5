import { isIPv6 } from 'node:net';
import path from 'node:path';
import { RegistrarError } from '../lib/errors.ts';
import { readConfigured } from '../lib/read-file.ts';
import type { CredentialSource, Credentials } from './credentials.ts';

export interface InClusterOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the kubelet mounts token, ca.crt and namespace. Default: the mount every pod has. */
  readonly directory?: string;
}

const mount = '/var/run/secrets/kubernetes.io/serviceaccount';

export const isInCluster = (env: InClusterOptions['env']): boolean => Boolean(env['KUBERNETES_SERVICE_HOST']);

/**
 * The pod's own service account: two variables, and three files that the kubelet rotates in place. They are read here
 * and not by client-node, whose generated models cost 50 MB of memory and a second of start-up.
 */
export async function inClusterCredentials({
  env,
  directory = mount,
}: InClusterOptions): Promise<CredentialSource> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (!host) {
    throw new RegistrarError('config', 'not in a pod: the variable KUBERNETES_SERVICE_HOST is not set');
  }
  const origin = `https://${isIPv6(host) ? `[${host}]` : host}:${env['KUBERNETES_SERVICE_PORT'] || '443'}`;
  const file = (what: string, name: string) =>
    readConfigured(`the service account's ${what}`, path.join(directory, name));
  const namespace = (await file('namespace', 'namespace')).trim();
  return {
    name: 'service account',
    namespace,
    async read(): Promise<Credentials> {
      const [token, ca] = await Promise.all([file('token', 'token'), file('CA', 'ca.crt')]);
      return { origin, basePath: '', tls: { ca }, headers: { authorization: `Bearer ${token.trim()}` } };
    },
    async refresh() {},
  };
}
