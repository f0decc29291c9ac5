import { type ErrorCode, RegistrarError } from '../lib/errors.ts';
import { retryAfterMs } from '../lib/retry-after.ts';

/** The API server's answer when it refuses a request (meta/v1 Status). Every field may be absent. */
export interface StatusBody {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

/**
 * A refusal of the API server as an error with a code: 401 `unauthorized`, 403 `forbidden`, 404 `not-found`,
 * 409 `conflict`, 410 `gone`, 429 `throttled`, 5xx `unavailable`, other 4xx `rejected`. "Too large resource
 * version" is `gone` whatever its status: the server does not have the version asked for.
 *
 * `what`: the request, which begins the message: `GET /api/v1/pods`.
 */
export function statusError(
  what: string,
  status: number,
  body: StatusBody,
  retryAfterHeader?: string,
): RegistrarError {
  const waitMs = retryAfterMs(retryAfterHeader) ?? retryAfterMs(body.details?.retryAfterSeconds);
  const said = body.message || body.reason;
  return new RegistrarError(
    isTooLarge(body) ? 'gone' : codeOf(status),
    said ? `${what}: ${said} (${status})` : `${what}: the API server answered ${status}`,
    { status, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) },
  );
}

/** The Status in an answer's text. A proxy's HTML or an empty body becomes a Status without fields. */
export function parseStatus(text: string): StatusBody {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

function codeOf(status: number): ErrorCode {
  switch (status) {
    case 401:
      return 'unauthorized';
    case 403:
      return 'forbidden';
    case 404:
      return 'not-found';
    case 409:
      return 'conflict';
    case 410:
      return 'gone';
    case 429:
      return 'throttled';
    default:
      if (status >= 500) return 'unavailable';
      return status >= 400 ? 'rejected' : 'protocol';
  }
}

const isTooLarge = ({ message, details }: StatusBody): boolean =>
  details?.causes?.some(({ reason }) => reason === 'ResourceVersionTooLarge') === true ||
  message?.startsWith('Too large resource version') === true;
