import type { LogLevel, LogReason } from './log-reasons.ts';

/** Fields of a log line. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Fields of a line of this level; log-reasons.ts says what each `reason` means. */
export type LineFields<Level extends LogLevel = LogLevel> = LogFields & { readonly reason: LogReason<Level> };

/**
 * The logger of the operator: a sentence that names its object, plus fields. The adapter appends the fields `error` and
 * `why` to the sentence and leaves out empty ones. pino satisfies it through an adapter in the
 * composition root; tests record it.
 */
export interface Logger {
  debug(message: string, fields: LineFields<'debug'>): void;
  info(message: string, fields: LineFields<'info'>): void;
  warn(message: string, fields: LineFields<'warn'>): void;
  error(message: string, fields: LineFields<'error'>): void;
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
