import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { Operator } from '../operator.ts';
import { startStatusServer } from '../server/http-server.ts';
import { kubeConnection } from './connections.ts';
import { ConsulAccess } from './consul-access.ts';
import { debugDump } from './debug-dump.ts';
import type { RunOperator } from './run.ts';

/** The operator on the real network: its connections, its status server and its token file. */
export const runOperator: RunOperator = async (loaded, runtime) => {
  const { config } = loaded;
  const { logger, metrics, signal, version, dumpLogger, onDump } = runtime;
  const connection = await kubeConnection({ config });
  const identity = `${process.env['POD_NAME'] || hostname()}_${randomUUID()}`;
  const access = new ConsulAccess({
    loaded,
    clock: systemClock,
    random: systemRandom,
    logger,
    identity,
    onLogin: (result) => metrics.metrics.aclLogins.inc({ result }),
  });
  const consul = access.open();
  const operator = new Operator({
    config,
    clock: systemClock,
    random: systemRandom,
    logger,
    metrics: metrics.metrics,
    version,
    replica: {
      identity,
      namespace: connection.namespace || 'default',
    },
    kube: connection.transport,
    consul,
    agents: access.openAgent,
    token: access.token,
  });
  const server = await startStatusServer({
    listen: config.server.listen,
    source: operator,
    release: (selection) => operator.release(selection),
    metrics,
    logger,
    clock: systemClock,
  });
  logger.info(
    `connecting to Kubernetes at ${connection.server} and Consul at ${config.consul.addresses.join(', ')}`,
    {
      reason: 'Connecting',
      kubernetes: connection.server,
      credentials: connection.source,
      consul: config.consul.addresses,
      status: server.origin,
    },
  );
  using _dumping = onDump(() => {
    const consulServer = () => access.server;
    dumpLogger.info('debug dump', { reason: 'DebugDump', ...debugDump({ config, operator, consulServer }) });
  });
  try {
    await Promise.all([operator.run(signal), access.follow(signal)]);
  } finally {
    await server.close();
    await access[Symbol.asyncDispose]();
    await Promise.all([connection.transport.close(), consul.close()]);
  }
};
