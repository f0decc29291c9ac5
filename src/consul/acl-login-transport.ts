import type { HttpRequest, HttpResponse, Transport } from '../lib/transport.ts';
import { readText } from '../lib/transport.ts';
import type { AclLogin } from './acl-login.ts';

/**
 * Requests with the token of a login. One that is refused for its token is repeated, once, with a new token;
 * a refusal means that nothing was done. Does not close the login.
 */
export class AclLoginTransport implements Transport {
  readonly #inner: Transport;
  readonly #login: AclLogin;

  constructor(inner: Transport, login: AclLogin) {
    this.#inner = inner;
    this.#login = login;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const { signal } = request;
    const token = await this.#login.token(signal);
    const send = (secret: typeof token) =>
      this.#inner.request({
        ...request,
        headers: { ...request.headers, 'x-consul-token': secret.reveal() },
      });
    const response = await send(token);
    if (response.status !== 403 && response.status !== 401) return response;
    const text = await readText(response);
    const renewed = await this.#login.renew(token, isUnknown(response.status, text), signal);
    return renewed === token ? { ...response, body: once(text) } : send(renewed);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

/** Consul's words for a token that it has not, or has no more. */
const isUnknown = (status: number, text: string): boolean =>
  status === 401 || text.includes('ACL not found') || text.includes('token expired');

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
