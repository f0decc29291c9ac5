import type { Command } from 'commander';
import { outputOption, repeatable } from '../common-options.ts';
import type { CliContext } from '../context.ts';
import type { Format } from './formats.ts';

/** Adds `validate`. */
export function addValidateCommand(program: Command, context: CliContext): void {
  program
    .command('validate')
    .description('check annotations in manifests, without a cluster; exit 1: mistakes')
    .argument('[FILE...]', 'YAML or JSON files, or directories that contain them; - for standard input')
    .option('-f, --filename <FILE>', 'the same, as in kubectl (repeatable)', repeatable)
    .option('-R, --recursive', 'read directories recursively')
    .addOption(outputOption('how to show mistakes', ['text', 'json', 'github', 'sarif'] satisfies Format[]))
    .option('--config <FILE>', "the operator's configuration, for its annotation prefix and claims")
    .action(async (files: string[], { filename = [], recursive = false, output, config }: Flags) => {
      const { validate } = await import('./validate.ts');
      context.exit(await validate({ files: [...files, ...filename], recursive, output, config }, context));
    });
}

interface Flags {
  readonly filename?: string[];
  readonly recursive?: boolean;
  readonly output: Format;
  readonly config?: string;
}
