import * as z from 'zod';
import { quote } from './fields.ts';

/** The address of a Consul server, read into its origin: `https://consul.example:8501`. */
export const consulAddress = z
  .string()
  .transform((value, context) => {
    const outcome = originOf(value);
    if (typeof outcome === 'string') return outcome;
    context.addIssue({ code: 'custom', message: outcome.mistake });
    return z.NEVER;
  })
  // For the JSON Schema: roughly the same, so that Helm refuses what is certainly wrong.
  .meta({ pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@]+/?$' });

function originOf(value: string): string | { readonly mistake: string } {
  if (/^unix:/i.test(value)) {
    return mistake(
      `${quote(value)} is a Unix socket, which is not supported; give an http:// or https:// address`,
    );
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    return mistake(`${quote(value)} has no scheme; write "http://…" or "https://…"`);
  }
  if (scheme !== 'http' && scheme !== 'https') {
    return mistake(`scheme "${scheme}" is not supported; use http:// or https://`);
  }
  const url = URL.parse(value);
  if (url === null)
    return mistake(`${quote(value)} is not a URL; write it like "http://consul.example:8500"`);
  // Not quoted: it would show the password.
  if (url.username !== '' || url.password !== '')
    return mistake('contains a user or password; use tokenFile');
  if (url.pathname !== '/' || /[?#]/.test(value)) {
    // Not quoted: there may be a token in the query.
    return mistake(`has text after the port; write "${url.origin}"`);
  }
  return url.origin;
}

const mistake = (message: string) => ({ mistake: message });
