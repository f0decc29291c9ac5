import { type HttpRequest, type HttpResponse, readText } from './transport.ts';

/** Headers whose values are credentials. */
const credentialHeaders = ['authorization', 'proxy-authorization', 'x-consul-token', 'cookie'];

/** An error's body is a short text. A longer one is cut off. */
const mostBytes = 1024 * 1024;

/**
 * The answer without the request's credentials, if it is an error. Its text ends up in logs, on the status page
 * and in Events, and some proxies repeat in it what they were sent. Other answers are not shown to people and
 * stay as they are.
 */
export function redactedAnswer({ headers = {} }: HttpRequest, response: HttpResponse): HttpResponse {
  if (response.status < 400) return response;
  const secrets = Object.entries(headers)
    .filter(([name]) => credentialHeaders.includes(name.toLowerCase()))
    // `abc` of `Bearer abc`: the proxy may put it together differently.
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
