/**
 * The kind of an error. Callers branch on `code`, never on text.
 *
 * - `aborted`      the caller's own signal ended the wait
 * - `timeout`      no answer within the deadline: the outcome of a write is unknown
 * - `unreachable`  connection refused, reset, DNS or TLS failure: the outcome of a write is unknown
 * - `unauthorized` 401: credentials are missing or no longer valid
 * - `forbidden`    403: the identity is known and lacks a right (Consul: also an unknown token)
 * - `not-found`    404
 * - `conflict`     409: optimistic lock lost (Kubernetes)
 * - `gone`         410, or "too large resource version": the history asked for is not available
 * - `rejected`     the request itself is wrong (400, 413, 422 …): repeating it will not help
 * - `throttled`    429; `retryAfterMs` when the server said so
 * - `unavailable`  5xx: the server cannot answer now; the outcome of a write is unknown
 * - `protocol`     the answer is not what the API promises (truncated body, bad JSON)
 * - `fenced`       this process is no longer the leader: nothing was written
 * - `config`       the user's configuration is wrong
 * - `internal`     a bug: an invariant is broken
 */
export type ErrorCode =
  | 'aborted'
  | 'timeout'
  | 'unreachable'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'gone'
  | 'rejected'
  | 'throttled'
  | 'unavailable'
  | 'protocol'
  | 'fenced'
  | 'config'
  | 'internal';

export interface RegistrarErrorOptions {
  readonly cause?: unknown;
  /** HTTP status, when there was an answer. */
  readonly status?: number;
  /** How long the server asked to wait (Retry-After), in milliseconds, capped by retry-after.ts. */
  readonly retryAfterMs?: number;
}

export class RegistrarError extends Error {
  override readonly name = 'RegistrarError';
  readonly code: ErrorCode;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: RegistrarErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Any thrown value as a RegistrarError. A RegistrarError is returned as it is; an AbortError becomes `aborted`. */
  static from(thrown: unknown): RegistrarError {
    if (thrown instanceof RegistrarError) return thrown;
    if (thrown instanceof Error && thrown.name === 'AbortError') {
      return new RegistrarError('aborted', 'aborted', { cause: thrown });
    }
    if (thrown instanceof Error && thrown.name === 'TimeoutError') {
      return new RegistrarError('timeout', 'timed out', { cause: thrown });
    }
    return new RegistrarError('internal', describe(thrown), { cause: thrown });
  }
}

/** The message of any thrown value with the messages of its causes, for logs and people. */
export function describe(thrown: unknown): string {
  const seen = new Set<unknown>();
  const parts: string[] = [];
  for (let error = thrown; error !== undefined && !seen.has(error); ) {
    seen.add(error);
    const text = error instanceof Error ? error.message || error.name : textOf(error);
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text);
    error = error instanceof Error ? error.cause : undefined;
  }
  return parts.join(': ');
}

/** An object without a prototype has no text. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return 'an error without a message was thrown';
  }
}
