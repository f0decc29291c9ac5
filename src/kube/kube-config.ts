import { existsSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import path from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { parseDocument } from 'yaml';
import { RegistrarError } from '../lib/errors.ts';
import { noSuchFile, readConfigured, whyUnreadable } from '../lib/read-file.ts';
import type { CredentialSource, Credentials } from './credentials.ts';

export interface KubeConfigOptions {
  /** The kubeconfig's path. Several are merged as kubectl does; of several, absent files are skipped. */
  readonly files: readonly string[];
  /** Instead of the file's current-context. */
  readonly context?: string;
}

/**
 * Credentials of a kubeconfig: client certificates, tokens and token files, basic auth, exec plugins, OIDC.
 * client-node reads and refreshes them. It is loaded only here, and only its config module, which takes half the time
 * of the whole package; both load the generated models.
 *
 * Rejects with `config` when the file, or a file that it names, cannot be read or is not valid.
 */
export async function kubeConfigCredentials(options: KubeConfigOptions): Promise<CredentialSource> {
  const name = `kubeconfig ${options.files.join(path.delimiter)}`;
  let config = await load(name, options);
  const source: CredentialSource = {
    name,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    read: () => read(name, config),
    // The caches for token files and exec plugins live in the KubeConfig, so a new one has none.
    async refresh() {
      config = await load(name, options);
    },
  };
  await source.read();
  return source;
}

async function load(name: string, { files, context }: KubeConfigOptions): Promise<KubeConfig> {
  let config: KubeConfig | undefined;
  for (const file of files) {
    if (files.length > 1 && !existsSync(file)) continue;
    const next = await loadFile(file);
    // The first file that sets the current context wins. The same name in two files is a mistake.
    if (config === undefined) config = next;
    else mergeInto(config, next, file);
  }
  if (config === undefined) throw new RegistrarError('config', `${name}: ${noSuchFile}`);
  if (context !== undefined) config.setCurrentContext(context);
  check(config, (why) => new RegistrarError('config', `${name}: ${why}`));
  return config;
}

async function loadFile(file: string): Promise<KubeConfig> {
  const wrong = (why: string, cause?: unknown) =>
    new RegistrarError('config', `kubeconfig ${file}: ${why}`, { cause });
  const text = await readConfigured('kubeconfig', file);
  const document = parseDocument(text);
  const [mistake] = document.errors;
  if (mistake?.code === 'MULTIPLE_DOCS')
    throw wrong('it contains several YAML documents; keep only the first');
  if (mistake) throw wrong(mistake.message.split('\n')[0]?.replace(/:$/, '') ?? 'bad YAML');
  const raw = document.toJS() as RawKubeConfig | null;
  if (typeof raw !== 'object' || raw === null) throw wrong('it contains no configuration');

  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  try {
    config.loadFromString(text);
  } catch (thrown) {
    throw wrong(whyUnreadable(thrown), thrown);
  }
  const directory = path.resolve(path.dirname(file));
  config.makePathsAbsolute(directory);
  readTokenFiles(config, raw, directory);
  return config;
}

function mergeInto(config: KubeConfig, next: KubeConfig, file: string): void {
  try {
    config.mergeConfig(next, Boolean(config.getCurrentContext()));
  } catch (thrown) {
    throw new RegistrarError('config', `kubeconfig ${file}: ${whyUnreadable(thrown)}`, { cause: thrown });
  }
}

/** Fields in which a mistake would make the first request fail with an unreadable error. */
function check(config: KubeConfig, wrong: (why: string) => RegistrarError): void {
  const current = config.getCurrentContext();
  if (!current) throw wrong('it has no current-context; set one, or name the context');
  const context = config.getContextObject(current);
  if (!context) throw wrong(`there is no context "${current}"${known(config.getContexts())}`);
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw wrong(`context "${current}" names the cluster "${context.cluster}", which does not exist`);
  const user = config.getCurrentUser();
  if (!user) throw wrong(`context "${current}" names the user "${context.user ?? ''}", which does not exist`);
  if (!URL.canParse(cluster.server) || !/^https?:/.test(cluster.server)) {
    throw wrong(`the server of cluster "${cluster.name}" is not an http(s) URL: ${cluster.server}`);
  }
  if (cluster.proxyUrl) {
    throw wrong(`cluster "${cluster.name}" has a proxy-url, which is not supported`);
  }
  // client-node refuses plain HTTP (kubectl proxy, a test server) unless it is set not to verify TLS.
  if (cluster.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true });
}

interface RawKubeConfig {
  readonly users?: readonly { readonly name?: string; readonly user?: { readonly tokenFile?: string } }[];
}

/** client-node 2.0.1 ignores a user's `tokenFile`; it knows only its own auth provider of that name. */
function readTokenFiles(config: KubeConfig, raw: RawKubeConfig, directory: string): void {
  for (const { name, user } of raw.users ?? []) {
    const target = config.getUsers().find((each) => each.name === name);
    if (!user?.tokenFile || !target || target.token) continue;
    Object.assign(target, {
      authProvider: { name: 'tokenFile', config: { tokenFile: path.resolve(directory, user.tokenFile) } },
    });
  }
}

async function read(name: string, config: KubeConfig): Promise<Credentials> {
  const applied: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(applied);
  } catch (thrown) {
    const file = thrown instanceof Error && 'path' in thrown ? `${thrown.path}: ` : '';
    throw new RegistrarError('config', `${name}: ${file}${whyUnreadable(thrown)}`, { cause: thrown });
  }
  const server = new URL(config.getCurrentCluster()?.server ?? '');
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(applied.headers ?? {})) {
    headers[key.toLowerCase()] = String(value).trim();
  }
  if (applied.auth) headers['authorization'] = `Basic ${Buffer.from(applied.auth).toString('base64')}`;
  const { ca, cert, key } = applied;
  return {
    origin: server.origin,
    basePath: server.pathname.replace(/\/$/, ''),
    tls: {
      ...(ca ? { ca: String(ca) } : {}),
      ...(cert ? { cert: String(cert) } : {}),
      ...(key ? { key: String(key) } : {}),
      ...(applied.servername ? { serverName: applied.servername } : {}),
      ...(applied.rejectUnauthorized === false ? { verify: false } : {}),
    },
    headers,
  };
}

const known = (contexts: readonly { readonly name: string }[]): string =>
  contexts.length === 0 ? '' : `; contexts: ${contexts.map(({ name }) => `"${name}"`).join(', ')}`;

/** The files that kubectl reads: those of `$KUBECONFIG`, else `~/.kube/config`. */
export function defaultKubeConfigFiles(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const files = kubeConfigVariable(env);
  return files.length > 0 ? files : [path.join(env['HOME'] || homedir(), '.kube', 'config')];
}

/** The files of `$KUBECONFIG`. */
export const kubeConfigVariable = (env: Readonly<Record<string, string | undefined>>): readonly string[] =>
  (env['KUBECONFIG'] ?? '').split(path.delimiter).filter((file) => file !== '');
