import { HttpTransport, type HttpTransportOptions } from '../lib/http-transport.ts';
import { RotatingPool } from '../lib/rotating-pool.ts';
import type { HttpRequest, HttpResponse, Transport } from '../lib/transport.ts';
import { unlessAborted } from '../lib/unless-aborted.ts';
import type { CredentialSource, Credentials } from './credentials.ts';

/** Must exceed the number of watches, four a namespace: each holds one connection. */
const connections = 1_024;

export interface KubeTransportOptions {
  readonly source: CredentialSource;
  /** `kube-registrar/1.2.3`. */
  readonly userAgent: string;
  /** How an identity's connections are made. Default: HttpTransport. */
  readonly open?: (options: HttpTransportOptions) => Transport;
}

/**
 * The transport to the API server. It reads the credentials for every request, so that rotated tokens and
 * certificates take effect at once. Connections are kept while the certificates they were opened with stay the same.
 * After a change, exchanges under way, such as watches, end on the old connections.
 *
 * After a 401 the credentials are read without any cache. If they are different, the request is repeated with them,
 * once; otherwise the 401 is the answer.
 */
export class KubeTransport implements Transport {
  readonly #source: CredentialSource;
  readonly #userAgent: string;
  readonly #open: (options: HttpTransportOptions) => Transport;
  readonly #pool = new RotatingPool();
  #refreshing: Promise<void> | undefined;

  constructor({ source, userAgent, open = (options) => new HttpTransport(options) }: KubeTransportOptions) {
    this.#source = source;
    this.#userAgent = userAgent;
    this.#open = open;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const { signal } = request;
    // An exec plugin may wait for a person to log in. This must not outlive the request.
    const credentials = await unlessAborted(this.#source.read(), signal);
    const response = await this.#send(request, credentials);
    if (response.status !== 401) return response;
    const renewed = await unlessAborted(this.#renewed(credentials), signal);
    if (isSame(renewed, credentials)) return response;
    for await (const _ of response.body) break;
    return this.#send(request, renewed);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  /** Credentials other than the refused ones, if there are any. */
  async #renewed(refused: Credentials): Promise<Credentials> {
    const current = await this.#source.read();
    if (!isSame(current, refused)) return current;
    // Requests that are refused together run an exec plugin once, not once each.
    this.#refreshing ??= this.#source.refresh().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
    return this.#source.read();
  }

  #send(request: HttpRequest, { origin, basePath, tls, headers }: Credentials): Promise<HttpResponse> {
    const open = () => this.#open({ origin, tls, connections });
    return this.#pool.request(JSON.stringify([origin, tls]), open, {
      ...request,
      path: `${basePath}${request.path}`,
      headers: {
        'user-agent': this.#userAgent,
        // Inside a cluster, unpacking gzip costs more than it saves: a quarter more time on every list.
        'accept-encoding': 'identity',
        ...request.headers,
        ...headers,
      },
    });
  }
}

const isSame = (a: Credentials, b: Credentials): boolean => JSON.stringify(a) === JSON.stringify(b);
