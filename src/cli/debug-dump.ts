import { getHeapStatistics } from 'node:v8';
import type { Config } from '../config/schema.ts';

export interface DebugDumpSources {
  readonly config: Config;
  readonly operator: { dump(): Readonly<Record<string, unknown>> };
  /** Address of the Consul server that requests go to now. */
  readonly consulServer: () => string;
}

/**
 * The state of the process at one moment, for debugging. It holds no credential: tokens are Secrets, whose only
 * text is `[redacted]`, and certificates and keys appear as paths.
 */
export function debugDump({ config, operator, consulServer }: DebugDumpSources) {
  const { heap_size_limit: heapLimit, number_of_detached_contexts: detachedContexts } = getHeapStatistics();
  return {
    process: {
      node: process.version,
      uptimeSeconds: Math.round(process.uptime()),
      memory: { ...process.memoryUsage(), heapLimit, detachedContexts },
      cpu: process.cpuUsage(),
      // Sockets, timers, requests under way.
      resources: counts(process.getActiveResourcesInfo()),
    },
    connections: { consul: consulServer() },
    operator: operator.dump(),
    config,
  };
}

function counts(names: readonly string[]): Readonly<Record<string, number>> {
  const counted: Record<string, number> = {};
  for (const name of names) counted[name] = (counted[name] ?? 0) + 1;
  return counted;
}
