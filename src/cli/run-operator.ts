import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { TokenFile } from '../config/token-file.ts';
import { watchConnections } from '../consul/observed-watcher.ts';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { Operator } from '../operator.ts';
import { startStatusServer } from '../server/http-server.ts';
import { consulTransport, kubeConnection } from './connections.ts';
import type { RunOperator } from './run.ts';

/** The operator on the real network: its connections, its status server and its token file. */
export const runOperator: RunOperator = async ({ config, tls, token }, runtime) => {
  const { logger, metrics, signal, version } = runtime;
  const connection = await kubeConnection({ config });
  const consul = consulTransport({ config, tls });
  const consulWatch = consulTransport({ config, tls }, watchConnections);
  const { tokenFile } = config.consul;
  const file =
    tokenFile === undefined || token === undefined
      ? undefined
      : new TokenFile({ path: tokenFile, initial: token, clock: systemClock, logger });
  const operator = new Operator({
    config,
    clock: systemClock,
    random: systemRandom,
    logger,
    metrics: metrics.metrics,
    version,
    replica: {
      identity: `${process.env['POD_NAME'] || hostname()}_${randomUUID()}`,
      namespace: connection.namespace || 'default',
    },
    kube: connection.transport,
    consul,
    consulWatch,
    token: () => file?.current() ?? token,
  });
  const server = await startStatusServer({
    listen: config.server.listen,
    source: operator,
    release: (selection) => operator.release(selection),
    metrics,
    logger,
    clock: systemClock,
  });
  logger.info('connecting', {
    reason: 'Connecting',
    kubernetes: connection.server,
    credentials: connection.source,
    consul: config.consul.addresses,
    status: server.origin,
  });
  try {
    await Promise.all([operator.run(signal), file?.follow(signal)]);
  } finally {
    await server.close();
    await Promise.all([connection.transport.close(), consul.close(), consulWatch.close()]);
  }
};
