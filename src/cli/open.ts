import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { silentLogger } from '../lib/logger.ts';
import type { SnapshotOptions } from '../operator/snapshot.ts';
import type { ConfigOptions } from './config-options.ts';
import type { Connections } from './connections.ts';
import type { CliContext } from './context.ts';

/** The configuration; what is doubtful about it is told on stderr. Rejects with ConfigError. */
export async function loadTold(
  { config, flags }: ConfigOptions,
  { environment, stderr }: CliContext,
): Promise<LoadedConfig> {
  const loaded = await loadConfig({ file: config, environment, flags });
  for (const warning of loaded.warnings) stderr.write(`kube-registrar: warning: ${warning}\n`);
  return loaded;
}

/** For takeSnapshot(). */
export function snapshotOptions(
  { config, token }: LoadedConfig,
  { clock, random, kube, consul }: Connections,
  timeoutMs: number,
): SnapshotOptions {
  return { config, clock, random, logger: silentLogger, kube, consul, token: () => token, timeoutMs };
}

/** Colour for who looks at a terminal and has not forbidden it (https://no-color.org). */
export function wantsColour({ stdout, environment }: CliContext): boolean {
  return stdout.isTTY === true && (environment['NO_COLOR'] ?? '') === '';
}
