import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import type { Logger } from '../logging/logger.ts';
import { type PrometheusMetrics, prometheusMetrics } from '../metrics/prometheus.ts';
import type { ConfigOptions } from './config-options.ts';
import type { CliContext } from './context.ts';
import type { OnDump } from './dump-signal.ts';
import { pinoLogger } from './pino-logger.ts';
import { packageVersion } from './version.ts';

/** What the operator needs besides its configuration. */
export interface OperatorRuntime {
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
  /** Ends the operator: it finishes its requests to Consul and leaves registrations as they are. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** Writes a dump to the log, whatever its level is. */
  readonly dumpLogger: Logger;
  readonly onDump: OnDump;
}

/** Runs until the signal aborts, then resolves. Rejects when it cannot start or go on. */
export type RunOperator = (loaded: LoadedConfig, runtime: OperatorRuntime) => Promise<void>;

/**
 * `kube-registrar run`. `operator` loads the operator, once the configuration is known to be right. Returns the
 * exit code: 0 after a signal, 1 when the operator failed; the log then says why. Rejects with ConfigError when
 * the configuration is wrong.
 */
export async function run(
  { config: file, flags, warnings }: ConfigOptions,
  { environment, stderr, signal, onDump = () => ({ [Symbol.dispose]() {} }) }: CliContext,
  operator: () => Promise<RunOperator>,
): Promise<number> {
  const loaded = await loadConfig({ file, environment, flags, warnings });
  const colour = stderr.isTTY === true && (environment['NO_COLOR'] ?? '') === '';
  const logging = { ...loaded.config.log, output: stderr, colour };
  const logger = pinoLogger(logging);
  const dumpLogger = pinoLogger({ ...logging, level: 'info' });
  for (const warning of loaded.warnings) {
    logger.warn(`check the configuration: ${warning}`, { reason: 'ConfigDoubtful', warning });
  }
  const version = packageVersion();
  try {
    const runOperator = await operator();
    const metrics = prometheusMetrics({ version });
    await runOperator(loaded, { logger, metrics, signal, version, dumpLogger, onDump });
    return 0;
  } catch (thrown) {
    const { code } = RegistrarError.from(thrown);
    if (signal.aborted && code === 'aborted') return 0;
    logger.error('stopped by an error', { reason: 'OperatorFailed', code, error: describe(thrown) });
    if (thrown instanceof Error)
      logger.debug('where it came from', { reason: 'OperatorFailed', stack: thrown.stack });
    return 1;
  }
}
