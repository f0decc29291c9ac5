import { hostname } from 'node:os';
import type { LoadedConfig } from '../config/load.ts';
import { type Connection, connect } from '../kube/connection.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import type { Transport } from '../lib/transport.ts';
import { silentLogger } from '../logging/logger.ts';
import { ConsulAccess } from './consul-access.ts';
import { packageVersion } from './version.ts';

/** The connections and clocks of a command that reads a cluster and its Consul. Tests replace all of them at once. */
export interface Connections extends AsyncDisposable {
  readonly clock: Clock;
  readonly random: Random;
  readonly kube: Transport;
  readonly consul: Transport;
  /** To the Consul agent at an origin. */
  readonly agents: (origin: string) => Transport;
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
  const kube = needsKube ? (await kubeConnection(loaded)).transport : noTransport;
  const access = new ConsulAccess({
    loaded,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    identity: hostname(),
  });
  const consul = access.open();
  return {
    clock: systemClock,
    random: systemRandom,
    kube,
    consul,
    agents: access.openAgent,
    async [Symbol.asyncDispose]() {
      await access[Symbol.asyncDispose]();
      await Promise.all([kube.close(), consul.close()]);
    },
  };
};

const noTransport: Transport = {
  request: () => Promise.reject(new RegistrarError('internal', 'the API server is not asked here')),
  close: () => Promise.resolve(),
};
