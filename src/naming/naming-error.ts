import { describe, type ErrorCode, RegistrarError } from '../lib/errors.ts';

/**
 * Why a call failed. Branch on this, never on the message.
 *
 * - `not-found`          no such registration on this agent (deregister)
 * - `already-subscribed` this Naming has a subscription to that service
 * - `unavailable`        the registry cannot be reached or cannot answer now; the outcome of a write is unknown
 * - `denied`             the credentials are missing, unknown or lack a right
 * - `invalid`            the request is wrong; repeating it does not help
 * - `aborted`            the caller's signal, or `unsubscribe()`, ended the call
 * - `closed`             this Naming was closed
 * - `callback-failed`    a subscriber's callback threw; only ever reported, never thrown
 */
export type NamingErrorCode =
  | 'not-found'
  | 'already-subscribed'
  | 'unavailable'
  | 'denied'
  | 'invalid'
  | 'aborted'
  | 'closed'
  | 'callback-failed';

export interface NamingErrorOptions {
  readonly cause?: unknown;
  /** The pause that the registry asked for, in milliseconds; at most 30,000. */
  readonly retryAfterMs?: number;
}

/** The only error this library throws or reports. */
export class NamingError extends Error {
  override readonly name = 'NamingError';
  readonly code: NamingErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: NamingErrorCode, message: string, options: NamingErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Any thrown value as a NamingError. A NamingError is returned as it is. */
  static from(thrown: unknown, doing: string): NamingError {
    if (thrown instanceof NamingError) return thrown;
    const { code, retryAfterMs } = RegistrarError.from(thrown);
    return new NamingError(codes[code] ?? 'unavailable', `${doing}: ${describe(thrown)}`, {
      cause: thrown,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
}

const codes: Partial<Record<ErrorCode, NamingErrorCode>> = {
  aborted: 'aborted',
  unauthorized: 'denied',
  forbidden: 'denied',
  'not-found': 'not-found',
  rejected: 'invalid',
  conflict: 'invalid',
};

/**
 * Receives the errors that no call can throw: a failing watch (once per kind of failure), a callback that threw. If
 * it throws itself, that becomes a process warning.
 */
export type Report = (error: NamingError) => void;

/** The default report: a process warning, which Node prints to stderr. */
export const warn: Report = (error) => process.emitWarning(error);

/** Throws `aborted` when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined, doing: string): void {
  if (signal?.aborted) throw new NamingError('aborted', `${doing}: aborted`, { cause: signal.reason });
}
