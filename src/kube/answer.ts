import { type HttpResponse, readText } from '../lib/transport.ts';
import { parseStatus, statusError } from './status-error.ts';

/** A Status is small; what is longer is a proxy's error page. */
const maxRefusalBytes = 1024 * 1024;

/** Throws the refusal an answer is, if it is one. `what` opens the message: `GET /api/v1/pods`. */
export async function throwIfRefused(what: string, response: HttpResponse): Promise<void> {
  if (response.status >= 200 && response.status < 300) return;
  // What follows from the status alone must not depend on whether its body arrives whole.
  const text = await readText(response, { maxBytes: maxRefusalBytes }).catch(() => '');
  throw statusError(what, response.status, parseStatus(text), response.headers['retry-after']);
}
