import type { Registry } from '../registry/registry.ts';
import { AgentRegistry, type AgentRegistryOptions } from './agent-registry.ts';
import { CatalogRegistry, type CatalogRegistryOptions } from './catalog-registry.ts';

/** The registry that the configuration names. */
export function registryOf(options: CatalogRegistryOptions & AgentRegistryOptions): Registry {
  switch (options.config.registration.mode) {
    case 'catalog':
      return new CatalogRegistry(options);
    case 'agent':
      return new AgentRegistry(options);
  }
}
