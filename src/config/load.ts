import { readFile } from 'node:fs/promises';
import type { TlsOptions } from '../lib/http-transport.ts';
import { whyUnreadable } from '../lib/read-file.ts';
import type { Secret } from '../lib/secret.ts';
import { ConfigError } from './config-error.ts';
import type { Environment } from './environment.ts';
import { readConfigFiles } from './files.ts';
import { type FlagValues, resolveConfig } from './resolve.ts';
import type { Config } from './schema.ts';

export interface LoadOptions {
  /** Path of the configuration file. Default: none, everything comes from the environment and flags. */
  readonly file?: string | undefined;
  readonly environment: Environment;
  /** Values of flags by the key they set (`log.level`). */
  readonly flags?: FlagValues;
  /** Further warnings, of whoever read the command line. Default: none. */
  readonly warnings?: readonly string[];
}

export interface LoadedConfig {
  readonly config: Config;
  /** For connections to Consul, the files already read. */
  readonly tls: TlsOptions;
  /** The ACL token, from the configuration or as the token file held it at start. */
  readonly token: Secret | undefined;
  /** Settings that are allowed and probably a mistake; a line each, with its place. */
  readonly warnings: readonly string[];
  /** Where a key is set, such as `flag --consul-address`; undefined: it has its default. */
  readonly origin: (key: string) => string | undefined;
}

/** A larger file is not a configuration: a ConfigMap holds at most 1 MiB. */
const mostBytes = 1024 * 1024;

/**
 * Loads the configuration from file, environment and flags, in rising order, and reads the files it names. Rejects
 * with ConfigError, which holds all mistakes.
 */
export async function loadConfig({
  file,
  environment,
  flags = {},
  warnings: given = [],
}: LoadOptions): Promise<LoadedConfig> {
  const mistakes: string[] = [];
  const text = file === undefined ? undefined : await readText(file, mistakes);
  const resolved = resolveConfig({
    file: file === undefined || text === undefined ? undefined : { name: file, text },
    environment,
    flags,
  });
  mistakes.push(...resolved.mistakes);
  const files = await readConfigFiles(resolved.merged, mistakes);
  const { config, warnings } = resolved;
  if (config === undefined || mistakes.length > 0) throw new ConfigError(mistakes);

  const { serverName, verify, token } = config.consul;
  const tls = { ...files.tls, verify, ...(serverName === undefined ? {} : { serverName }) };
  const { origin } = resolved.merged;
  return { config, tls, token: token ?? files.token, warnings: [...given, ...warnings], origin };
}

async function readText(file: string, mistakes: string[]): Promise<string | undefined> {
  try {
    const bytes = await readFile(file);
    if (bytes.length <= mostBytes) return bytes.toString('utf8');
    mistakes.push(`config file "${file}": is larger than 1 MiB, which is too large for a configuration`);
  } catch (thrown) {
    mistakes.push(`config file "${file}": cannot be read: ${whyUnreadable(thrown)}`);
  }
  return undefined;
}
