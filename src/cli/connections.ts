import type { LoadedConfig } from '../config/load.ts';
import { FailoverTransport } from '../consul/failover.ts';
import { type Connection, connect } from '../kube/connection.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import { HttpTransport } from '../lib/http-transport.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import type { Transport } from '../lib/transport.ts';
import { packageVersion } from './version.ts';

/** What a command that looks at a cluster and its Consul stands on; replaced as one in tests. */
export interface Connections extends AsyncDisposable {
  readonly clock: Clock;
  readonly random: Random;
  readonly kube: Transport;
  readonly consul: Transport;
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

/** `connections`: most sockets to each server. */
export function consulTransport(
  { config, tls }: Pick<LoadedConfig, 'config' | 'tls'>,
  connections = 16,
): Transport {
  return new FailoverTransport(
    config.consul.addresses.map((origin) => new HttpTransport({ origin, tls, connections })),
  );
}

/** The connections on the real network. */
export const connectAll: Connect = async (loaded, { kube: needsKube = true } = {}) => {
  const kube = needsKube ? (await kubeConnection(loaded)).transport : noTransport;
  const consul = consulTransport(loaded);
  return {
    clock: systemClock,
    random: systemRandom,
    kube,
    consul,
    async [Symbol.asyncDispose]() {
      await Promise.all([kube.close(), consul.close()]);
    },
  };
};

const noTransport: Transport = {
  request: () => Promise.reject(new RegistrarError('internal', 'the API server is not asked here')),
  close: () => Promise.resolve(),
};
