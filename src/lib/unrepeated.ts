import { type HttpRequest, type HttpResponse, readText } from './transport.ts';

/** Headers whose values are credentials. */
const credentialHeaders = ['authorization', 'proxy-authorization', 'x-consul-token', 'cookie'];

/** An error's body is a short text; what is longer is cut off. */
const mostBytes = 1024 * 1024;

/**
 * The answer as it may be told to people: an error's text ends up in logs, on the status page and in Events, and
 * there are proxies that repeat in it what they were sent. The request's credentials are cut out of the body of
 * every answer that is an error. Others are left as they are: they are read, not told.
 */
export function unrepeated({ headers = {} }: HttpRequest, response: HttpResponse): HttpResponse {
  if (response.status < 400) return response;
  const secrets = Object.entries(headers)
    .filter(([name]) => credentialHeaders.includes(name.toLowerCase()))
    // Of `Bearer abc` only `abc`, with which it may be put together anew.
    .map(([, value]) => value.replace(/^\w+ +/, ''));
  return { ...response, body: without(secrets, response) };
}

/** A text without these secrets. */
export function redacted(text: string, secrets: readonly string[]): string {
  const [secret, ...others] = secrets.filter((value) => value !== '');
  if (secret === undefined) return text;
  return text
    .split(secret)
    .map((part) => redacted(part, others))
    .join('[redacted]');
}

async function* without(secrets: readonly string[], response: HttpResponse): AsyncGenerator<Uint8Array> {
  yield Buffer.from(redacted(await readText(response, { maxBytes: mostBytes }), secrets));
}
