import { type ErrorCode, RegistrarError } from '../lib/errors.ts';
import { retryAfterMs } from '../lib/retry-after.ts';
import type { HttpResponse } from '../lib/transport.ts';

/** An answer of any status. */
export interface HttpAnswer {
  /** Method and path of the request, for errors. */
  readonly what: string;
  readonly status: number;
  readonly headers: HttpResponse['headers'];
  readonly text: string;
}

const longestText = 300;

/** An answer that is not the one asked for, as an error by its status, with Consul's own words (`ACL not found`). */
export function answerError({ what, status, headers, text }: HttpAnswer): RegistrarError {
  const words = text.trim().slice(0, longestText);
  const waitMs = retryAfterMs(headers['retry-after']);
  return new RegistrarError(codeOf(status), `${what}: ${status}${words === '' ? '' : `: ${words}`}`, {
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

/** Throws `protocol` for a text that is not JSON. */
export function jsonOf({ text, what }: HttpAnswer): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // V8's message repeats a part of the text.
    throw new RegistrarError('protocol', `${what}: the answer is not JSON`);
  }
}
