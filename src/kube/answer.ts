import { type HttpResponse, readText } from '../lib/transport.ts';
import { parseStatus, statusError } from './status-error.ts';

/** A Status is small. A longer body is a proxy's error page. */
const maxRefusalBytes = 1024 * 1024;

/** Throws when the answer is a refusal. The message begins with `what`: `GET /api/v1/pods`. */
export async function throwIfRefused(what: string, response: HttpResponse): Promise<void> {
  if (response.status >= 200 && response.status < 300) return;
  // The status alone decides the code, so a body that is cut short must not change it.
  const text = await readText(response, { maxBytes: maxRefusalBytes }).catch(() => '');
  throw statusError(what, response.status, parseStatus(text), response.headers['retry-after']);
}
