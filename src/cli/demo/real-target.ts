import type { Environment } from '../../config/environment.ts';
import { ConsulApi } from '../../consul/consul-api.ts';
import type { Clock } from '../../lib/clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { HttpTransport } from '../../lib/http-transport.ts';
import type { Random } from '../../lib/random.ts';
import { clusterUidKey, managedByKey, managedByValue } from '../../model/owner.ts';
import type { ConsulTarget } from './consul-target.ts';
import { demoConfig } from './demo-config.ts';

export interface RealTargetOptions {
  /** Origin of its HTTP API; undefined: what the environment says (CONSUL_HTTP_ADDR). */
  readonly address: string | undefined;
  /** Consul's own variables are read from it. */
  readonly environment: Environment;
  readonly clock: Clock;
  /** For a cluster name that no other demo has. */
  readonly random: Random;
}

/** Of the names of nodes and services: tokens for the demo are given out for these. */
const prefix = 'demo-';

/**
 * A Consul on the network, which others may use too: names are unique, and everything is removed at the end.
 * Rejects with ConfigError, and with what the first request to it came to.
 */
export async function realTarget(options: RealTargetOptions, signal: AbortSignal): Promise<ConsulTarget> {
  const { address, environment, clock, random } = options;
  const suffix = Math.floor(random() * 0x10000)
    .toString(16)
    .padStart(4, '0');
  const loaded = await demoConfig(`${prefix}${suffix}`, address, environment);
  const { config, tls, token } = loaded;
  const nodes = `${config.cluster.name}-*`;
  const origin = config.consul.addresses[0]!;
  const { datacenter, namespace, partition } = config.consul;
  const open = () => new HttpTransport({ origin, tls, connections: 16 });
  const connections: { close(): Promise<void> }[] = [];
  const connect = (): ConsulApi => {
    const transport = open();
    const scope = { datacenter, namespace, partition };
    const connection = new ConsulApi({ transport, clock, token: () => token, ...scope, timeoutMs: 5_000 });
    connections.push(connection);
    return connection;
  };
  const operator = open();
  connections.push(operator);
  const dispose = async () => {
    await Promise.all(connections.map((connection) => connection.close()));
  };
  try {
    await connect().call(({ status }, context) => status.leader(context), signal);
  } catch (thrown) {
    await dispose();
    const { code, message } = RegistrarError.from(thrown);
    throw new RegistrarError(code, `Consul at ${origin} does not answer: ${message}`, { cause: thrown });
  }
  return {
    label: origin,
    notice: `Writing to Consul at ${origin}: nodes ${nodes} and services ${prefix}*. They are removed at the end.`,
    loaded,
    prefix,
    operator,
    connect,
    origin: async () => origin,
    async cleanUp(owner, stop) {
      try {
        await purge(connect(), owner, stop);
      } catch (thrown) {
        const what = `cannot remove the nodes ${nodes} from Consul at ${origin}; remove them yourself`;
        throw new RegistrarError(RegistrarError.from(thrown).code, what, { cause: thrown });
      }
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Removes every node that carries the stamp of the cluster with this uid, and nothing else. */
async function purge(consul: ConsulApi, owner: string, signal: AbortSignal): Promise<void> {
  const stamp = { 'node-meta': [`${clusterUidKey}:${owner}`, `${managedByKey}:${managedByValue}`] };
  const { body } = await consul.call(
    ({ catalog }, context) => catalog.node.list({ ...context, ...stamp }),
    signal,
  );
  for (const { Node } of body as readonly { readonly Node: string }[]) {
    await consul.call(({ catalog }, context) => catalog.deregister({ ...context, node: Node }), signal);
  }
}
