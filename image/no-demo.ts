/** Stands in the image for src/cli/demo, which would bring a Kubernetes API server and a Consul with it. */
import type { addDemoCommand as add } from '../src/cli/demo/demo-command.ts';
import { RegistrarError } from '../src/lib/errors.ts';

export const addDemoCommand: typeof add = (program) => {
  for (const name of ['demo', 'sandbox']) {
    program
      .command(name, { hidden: true })
      .helpOption(false)
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw new RegistrarError(
          'config',
          'the demo is not in the image; run it from the source with "npm ci && npm run demo"',
        );
      });
  }
};
