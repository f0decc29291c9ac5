import type { Environment } from '../../config/environment.ts';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';

/**
 * The operator's configuration in the demo: its defaults. Of the environment only Consul's own variables count, and
 * only for a real Consul: settings of another operator must not change the demo.
 */
export function demoConfig(
  cluster: string,
  address: string | undefined,
  environment: Environment,
): Promise<LoadedConfig> {
  const variables = Object.entries(environment).filter(([name]) => name.startsWith('CONSUL_'));
  return loadConfig({
    environment: Object.fromEntries(variables),
    flags: { 'cluster.name': cluster, ...(address === undefined ? {} : { 'consul.addresses': [address] }) },
  });
}
