import { MemoryNaming, MemoryRegistry } from '../../src/naming/naming.ts';
import { namingContract } from './naming/naming-contract.ts';

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

namingContract('in memory', async () => {
  const registry = new MemoryRegistry();
  const opened = new AsyncDisposableStack();
  return {
    naming: (report) => opened.use(new MemoryNaming({ registry, ...(report ? { report } : {}) })),
    setState: async (id, state) => registry.setState(id, state),
    async eventually(attempt) {
      await settle();
      await attempt();
    },
    settle,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
});
