import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { describe } from '../lib/errors.ts';
import { silentLogger } from '../logging/logger.ts';
import { refusedParts } from '../operator/parts.ts';
import type { ConsulSnapshot, Snapshot, SnapshotOptions } from '../operator/snapshot.ts';
import type { ConfigOptions } from './config-options.ts';
import type { Connections } from './connections.ts';
import type { CliContext } from './context.ts';
import { warningLine } from './messages.ts';

/** Loads the configuration and prints its warnings on stderr. Rejects with ConfigError. */
export async function loadWithWarnings(
  { config, flags, warnings }: ConfigOptions,
  { environment, stderr }: CliContext,
): Promise<LoadedConfig> {
  const loaded = await loadConfig({ file: config, environment, flags, warnings });
  for (const warning of loaded.warnings) stderr.write(warningLine(warning));
  return loaded;
}

/** For takeSnapshot(). */
export function snapshotOptions(
  { config, token }: LoadedConfig,
  { clock, random, kube, consul, agents }: Connections,
  timeoutMs: number,
): SnapshotOptions {
  return {
    config,
    clock,
    random,
    logger: silentLogger,
    kube,
    consul,
    agents,
    token: () => token,
    timeoutMs,
  };
}

/** Warns of what could not be read: agents, and what the API server refuses. */
export function warnOfUnread(
  { unread, stores }: Pick<ConsulSnapshot, 'unread'> & Partial<Pick<Snapshot, 'stores'>>,
  { stderr }: CliContext,
): void {
  for (const [node, error] of unread) {
    stderr.write(warningLine(`node ${node} is skipped: ${describe(error)}`));
  }
  if (stores === undefined) return;
  for (const text of refusedParts(stores)) {
    stderr.write(warningLine(`${text}; its registrations stay unchanged`));
  }
}

/** Whether to use colours: on a terminal, unless NO_COLOR is set (https://no-color.org). */
export function wantsColour({ stdout, environment }: CliContext): boolean {
  return stdout.isTTY === true && (environment['NO_COLOR'] ?? '') === '';
}
