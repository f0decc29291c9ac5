/** Fields of a log line. `reason` is a stable code shared with Events and metrics. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * What the operator logs through: a constant message plus fields. pino satisfies it through an adapter in
 * the composition root; tests record it.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
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
