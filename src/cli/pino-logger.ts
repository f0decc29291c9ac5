import { type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import type { Config } from '../config/schema.ts';
import { describe } from '../lib/errors.ts';
import { visibleLines } from '../lib/visible.ts';
import type { LogFields, Logger } from '../logging/logger.ts';
import type { Output } from './context.ts';
import { textLine } from './text-line.ts';

export interface LoggerOptions {
  readonly level: Config['log']['level'];
  /** `json`: one object a line. `text`: for people, coloured when `colour` is set. */
  readonly format: Config['log']['format'];
  readonly output: Output;
  readonly colour: boolean;
}

/** Fields that may hold credentials, at the top level and one below. */
const credentials: ReadonlySet<string> = new Set([
  'token',
  'password',
  'secret',
  'authorization',
  'cookie',
  'x-consul-token',
]);
const redacted = '[redacted]';

/** The logger port over pino: level and ISO time, no process id, no host name, credentials redacted. */
export function pinoLogger({ level, format, output, colour }: LoggerOptions): Logger {
  const root = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => void output.write(format === 'json' ? visibleLines(line) : textLine(line, colour)) },
  );
  return adapt(root);
}

function adapt(logger: PinoLogger): Logger {
  return {
    debug: (message, fields) => {
      if (logger.isLevelEnabled('debug')) logger.debug(shown(fields), withCause(message, fields));
    },
    info: (message, fields) => logger.info(shown(fields), withCause(message, fields)),
    warn: (message, fields) => logger.warn(shown(fields), withCause(message, fields)),
    error: (message, fields) => logger.error(shown(fields), withCause(message, fields)),
    child: (fields) => adapt(logger.child(shown(fields))),
  };
}

/** For those who read nothing but the message. */
function withCause(message: string, { error, why = error }: LogFields): string {
  return why === undefined || why === '' ? message : `${message}: ${describe(why)}`;
}

/** Without what is empty, and without credentials. pino's own redaction takes as long as all the rest of a line. */
function shown(fields: LogFields): LogFields {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (isEmpty(value)) continue;
    const safe = key === 'error' ? errorText(value) : value;
    kept[key] = isCredential(key) ? redacted : withoutCredentials(safe);
  }
  return kept;
}

function withoutCredentials(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !Object.keys(value).some(isCredential)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, isCredential(key) ? redacted : each]),
  );
}

const isCredential = (key: string): boolean => credentials.has(key);

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);

/** An error as one line with those of its causes; its other properties may hold requests and headers. */
const errorText = (error: unknown): unknown => (error instanceof Error ? describe(error) : error);
