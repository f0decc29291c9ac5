import type { Environment } from '../../config/environment.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { HttpTransport } from '../../lib/http-transport.ts';
import type { Random } from '../../lib/random.ts';
import { type HttpRequest, type HttpResponse, readText, type Transport } from '../../lib/transport.ts';
import { clusterUidKey, managedByKey, managedByValue } from '../../model/owner.ts';
import type { ConsulTarget } from './consul-target.ts';
import { demoConfig } from './demo-config.ts';

export interface RealTargetOptions {
  /** Origin of its HTTP API; undefined: what the environment says (CONSUL_HTTP_ADDR). */
  readonly address: string | undefined;
  /** Consul's own variables are read from it. */
  readonly environment: Environment;
  /** For a cluster name that no other demo has. */
  readonly random: Random;
}

/**
 * A Consul on the network, which others may use too: names are unique, and everything is removed at the end.
 * Rejects with ConfigError, and with what the first request to it came to.
 */
export async function realTarget(options: RealTargetOptions, signal: AbortSignal): Promise<ConsulTarget> {
  const { address, environment, random } = options;
  const suffix = Math.floor(random() * 0x10000)
    .toString(16)
    .padStart(4, '0');
  const loaded = await demoConfig(`sandbox-${suffix}`, address, environment);
  const { config, tls, token } = loaded;
  const origin = config.consul.addresses[0]!;
  const open = () => new HttpTransport({ origin, tls, connections: 16 });
  const connections: Transport[] = [];
  const connect = (): Transport => {
    const connection = new ScopedTransport(open(), {
      token: token?.reveal(),
      query: {
        dc: config.consul.datacenter,
        ns: config.consul.namespace,
        partition: config.consul.partition,
      },
    });
    connections.push(connection);
    return connection;
  };
  const operator = open();
  connections.push(operator);
  const dispose = async () => {
    await Promise.all(connections.map((connection) => connection.close()));
  };
  try {
    await text(connect(), { method: 'GET', path: '/v1/status/leader', signal, headersTimeoutMs: 5_000 });
  } catch (thrown) {
    await dispose();
    const { code, message } = RegistrarError.from(thrown);
    throw new RegistrarError(code, `Consul at ${origin} does not answer: ${message}`, { cause: thrown });
  }
  return {
    label: origin,
    loaded,
    // Tokens for the demo are given out for these names.
    prefix: 'sandbox-',
    operator,
    connect,
    origin: async () => origin,
    cleanUp: (owner, stop) => purge(connect(), owner, stop),
    [Symbol.asyncDispose]: dispose,
  };
}

/** Removes every node that carries the stamp of the cluster with this uid, and nothing else. */
async function purge(transport: Transport, owner: string, signal: AbortSignal): Promise<void> {
  const query = new URLSearchParams([
    ['node-meta', `${clusterUidKey}:${owner}`],
    ['node-meta', `${managedByKey}:${managedByValue}`],
  ]);
  const listed = await text(transport, { method: 'GET', path: `/v1/catalog/nodes?${query}`, signal });
  for (const { Node } of JSON.parse(listed) as readonly { readonly Node: string }[]) {
    const body = JSON.stringify({ Node });
    await text(transport, { method: 'PUT', path: '/v1/catalog/deregister', body, signal });
  }
}

/** The body of a 200; rejects with `rejected` and Consul's own words for anything else. */
async function text(transport: Transport, request: HttpRequest): Promise<string> {
  const response = await transport.request(request);
  const body = await readText(response);
  if (response.status === 200) return body;
  throw new RegistrarError(
    'rejected',
    `${request.method} ${request.path}: ${response.status} ${body.trim()}`,
    {
      status: response.status,
    },
  );
}

interface Scope {
  readonly token: string | undefined;
  readonly query: Readonly<Record<string, string | undefined>>;
}

/** Adds to every request what the operator's own client adds to its. */
class ScopedTransport implements Transport {
  readonly #inner: Transport;
  readonly #scope: Scope;

  constructor(inner: Transport, scope: Scope) {
    this.#inner = inner;
    this.#scope = scope;
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    const { token, query } = this.#scope;
    const [path, search] = request.path.split('?');
    const parameters = new URLSearchParams(search);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
    return this.#inner.request({
      ...request,
      path: parameters.size === 0 ? path! : `${path}?${parameters}`,
      headers: { ...request.headers, ...(token === undefined ? {} : { 'x-consul-token': token }) },
    });
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
