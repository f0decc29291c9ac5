import type { Command } from 'commander';
import type { ParsedOptions } from './config-options.ts';
import type { CliContext } from './context.ts';

/** Adds `validate`. */
export function addValidateCommand(program: Command, context: CliContext): void {
  program
    .command('validate')
    .description('check the annotations in manifests, without a cluster; exit 1 when there are mistakes')
    .argument('<FILE...>', 'YAML or JSON files; - for standard input')
    .option('--config <FILE>', "the operator's configuration, for its annotation prefix and claims")
    .action(async (files: string[], options: ParsedOptions) => {
      const { validate } = await import('./validate.ts');
      context.exit(await validate(files, options['config'] as string | undefined, context));
    });
}
