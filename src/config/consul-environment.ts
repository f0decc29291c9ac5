import { type Environment, notABool, parseBool, type Setting, settingsSource } from './environment.ts';
import type { ConfigSource } from './source.ts';

/**
 * Consul's own variables whose text is the value of a key of the configuration
 * (developer.hashicorp.com/consul/commands, "Environment Variables").
 */
const variables: Readonly<Record<string, readonly string[]>> = {
  CONSUL_HTTP_TOKEN: ['consul', 'token'],
  CONSUL_HTTP_TOKEN_FILE: ['consul', 'tokenFile'],
  CONSUL_CACERT: ['consul', 'caFile'],
  CONSUL_CLIENT_CERT: ['consul', 'certFile'],
  CONSUL_CLIENT_KEY: ['consul', 'keyFile'],
  CONSUL_TLS_SERVER_NAME: ['consul', 'serverName'],
  CONSUL_NAMESPACE: ['consul', 'namespace'],
  CONSUL_PARTITION: ['consul', 'partition'],
};

/** Variables that Consul's tools know and this program does not. It says so, because silence would mislead. */
const unsupported: Readonly<Record<string, string>> = {
  CONSUL_HTTP_AUTH: 'HTTP basic authentication is not supported; use a token',
  CONSUL_CAPATH: 'a directory of certificates is not supported; use CONSUL_CACERT',
};

export interface ConsulEnvironment {
  readonly source: ConfigSource;
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Consul's own variables as a source, read as Consul's tools read them. Empty means absent. `addresses` are
 * those that hold without CONSUL_HTTP_ADDR: CONSUL_HTTP_SSL alone turns them to TLS.
 */
export function consulEnvironment(environment: Environment, addresses: readonly string[]): ConsulEnvironment {
  const mistakes: string[] = [];
  const settings: Setting[] = [];
  const set = (name: string, path: readonly string[], value: unknown): void => {
    settings.push({ name: `environment ${name}`, path, value });
  };
  const bool = (name: string): boolean | undefined => {
    const text = environment[name] ?? '';
    const value = parseBool(text);
    if (text !== '' && value === undefined) mistakes.push(`environment ${name}: ${notABool(text)}`);
    return value;
  };

  for (const [name, path] of Object.entries(variables)) {
    const text = environment[name] ?? '';
    if (text !== '') set(name, path, text);
  }
  const verify = bool('CONSUL_HTTP_SSL_VERIFY');
  if (verify !== undefined) set('CONSUL_HTTP_SSL_VERIFY', ['consul', 'verify'], verify);

  const address = environment['CONSUL_HTTP_ADDR'] ?? '';
  const ssl = bool('CONSUL_HTTP_SSL') ?? false;
  if (address !== '')
    set('CONSUL_HTTP_ADDR', addressesPath, [ssl ? overTls(withScheme(address)) : withScheme(address)]);
  else if (ssl) set('CONSUL_HTTP_SSL', addressesPath, addresses.map(overTls));

  const warnings = Object.entries(unsupported)
    .filter(([name]) => (environment[name] ?? '') !== '')
    .map(([name, why]) => `environment ${name}: is not used; ${why}`);
  return { source: settingsSource(settings), mistakes, warnings };
}

const addressesPath = ['consul', 'addresses'];

/** Consul takes `host:port` for `http://host:port`. */
const withScheme = (text: string): string =>
  /^(unix:|[a-z][a-z0-9+.-]*:\/\/)/i.test(text) ? text : `http://${text}`;

const overTls = (address: string): string => address.replace(/^http:/i, 'https:');
