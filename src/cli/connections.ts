import { hostname } from 'node:os';
import type { Environment } from '../config/environment.ts';
import type { LoadedConfig } from '../config/load.ts';
import { type Connection, connect } from '../kube/connection.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import type { Transport } from '../lib/transport.ts';
import { silentLogger } from '../logging/logger.ts';
import { ConsulAccess } from './consul-access.ts';
import { type ServerText, TriedServer } from './tried-server.ts';
import { packageVersion } from './version.ts';

/** The connections and clocks of a command that reads a cluster and its Consul. Tests replace all of them at once. */
export interface Connections extends AsyncDisposable {
  readonly clock: Clock;
  readonly random: Random;
  readonly kube: Transport;
  readonly consul: Transport;
  /** To the Consul agent at an origin. */
  readonly agents: (origin: string) => Transport;
  /** The namespace of the context, or of the pod; `default` without an API server. */
  readonly namespace: string;
  /** The servers that were asked, for errors. */
  readonly tried: readonly TriedServer[];
}

export interface ConnectOptions {
  /** False: no request goes to the API server, and none has to be configured. Default true. */
  readonly kube?: boolean;
}

export type Connect = (loaded: LoadedConfig, options?: ConnectOptions) => Promise<Connections>;

/** To the API server that the configuration names. Nothing is sent to it yet. */
export function kubeConnection({ config }: Pick<LoadedConfig, 'config'>): Promise<Connection> {
  const { kubeconfig, context } = config.kubernetes;
  return connect({
    userAgent: `kube-registrar/${packageVersion()}`,
    env: process.env,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
}

/** The connections on the real network. */
export const connectAll: Connect = async (loaded, { kube: needsKube = true } = {}) => {
  const connection = needsKube ? await kubeConnection(loaded).catch(sayHowToChoose) : undefined;
  const access = new ConsulAccess({
    loaded,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    identity: hostname(),
  });
  const kube =
    connection === undefined
      ? undefined
      : new TriedServer(connection.transport, kubeText(connection, loaded, process.env));
  const consul = new TriedServer(access.open(), consulText(loaded));
  return {
    clock: systemClock,
    random: systemRandom,
    kube: kube ?? noTransport,
    consul,
    agents: access.openAgent,
    namespace: connection?.namespace ?? 'default',
    tried: kube === undefined ? [consul] : [kube, consul],
    async [Symbol.asyncDispose]() {
      await access[Symbol.asyncDispose]();
      await Promise.all([kube?.close(), consul.close()]);
    },
  };
};

const kubeSettings = 'set --context, --kubeconfig or KUBECONFIG';

function sayHowToChoose(thrown: unknown): never {
  const { code, message } = RegistrarError.from(thrown);
  if (code !== 'config') throw thrown;
  throw new RegistrarError('config', `${message}; for another cluster, ${kubeSettings}`);
}

function kubeText(
  { server, source }: Connection,
  { origin }: LoadedConfig,
  environment: Environment,
): ServerText {
  const place =
    origin('kubernetes.kubeconfig') ?? ((environment['KUBECONFIG'] ?? '') === '' ? undefined : 'KUBECONFIG');
  const from = place === undefined ? source : `${source}, from ${place}`;
  return {
    server: `Kubernetes at ${server} (${from})`,
    elsewhere: `for another cluster, ${kubeSettings}`,
    credentials: `its credentials come from ${source}; to use others, set --context, --kubeconfig or KUBECONFIG`,
  };
}

function consulText({ config, token, origin }: LoadedConfig): ServerText {
  const { addresses, acl } = config.consul;
  const place = origin('consul.addresses');
  const tokenPlace = origin('consul.token') ?? origin('consul.tokenFile') ?? origin('consul.acl.authMethod');
  const whose =
    token === undefined && acl.authMethod === undefined
      ? 'no token is set'
      : `its token comes from ${tokenPlace}`;
  return {
    server: `Consul at ${addresses.join(', ')} (${place === undefined ? 'the default' : `from ${place}`})`,
    elsewhere: 'for another one, set --consul-address, CONSUL_HTTP_ADDR or consul.addresses',
    credentials: `${whose}; set --consul-token-file, CONSUL_HTTP_TOKEN or consul.tokenFile`,
  };
}

const noTransport: Transport = {
  request: () => Promise.reject(new RegistrarError('internal', 'this command does not use the API server')),
  close: () => Promise.resolve(),
};
