import { Argument, type Command } from 'commander';
import type { CliContext } from './context.ts';

/** Adds `completion`, and what its scripts and kubectl ask. */
export function addCompletionCommand(program: Command, context: CliContext): void {
  program
    .command('completion')
    .description('print a shell completion script')
    .addArgument(new Argument('<SHELL>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScripts } = await import('./completion-scripts.ts');
      context.stdout.write(completionScripts[shell]);
    });
  program
    .command('__complete', { hidden: true })
    .argument('[WORD...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words: string[]) => {
      const { candidates, protocolText } = await import('./completion.ts');
      context.stdout.write(protocolText(candidates(program, words)));
    });
}
