import { type ErrorCode, RegistrarError } from '../lib/errors.ts';
import { retryAfterMs } from '../lib/retry-after.ts';

const longestText = 300;

/**
 * An answer that is not the one asked for, as an error by its HTTP status. `what` names the request,
 * `body` is Consul's own text: `ACL not found`, `No cluster leader`.
 */
export function answerError(
  what: string,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): RegistrarError {
  const text = body.trim().slice(0, longestText);
  const waitMs = retryAfterMs(headers['retry-after']);
  return new RegistrarError(codeOf(status), `${what}: ${status}${text === '' ? '' : `: ${text}`}`, {
    status,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

function codeOf(status: number): ErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not-found';
  if (status === 409) return 'conflict';
  if (status === 429) return 'throttled';
  if (status >= 500) return 'unavailable';
  if (status >= 400) return 'rejected';
  return 'protocol';
}
