import type { LogLevel, LogReason } from './log-reasons.ts';

/** Fields of a log line. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Fields of a line of this level; `reason` is a stable code, of which log-reasons.ts says what it means. */
export type Told<Level extends LogLevel = LogLevel> = LogFields & { readonly reason: LogReason<Level> };

/**
 * What the operator logs through: a constant message plus fields. pino satisfies it through an adapter in
 * the composition root; tests record it.
 */
export interface Logger {
  debug(message: string, fields: Told<'debug'>): void;
  info(message: string, fields: Told<'info'>): void;
  warn(message: string, fields: Told<'warn'>): void;
  error(message: string, fields: Told<'error'>): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
