import { RegistrarError } from '../lib/errors.ts';

/**
 * The configuration is wrong. `mistakes` are all of them, each one line that says where
 * (`file:line:col: key`, `environment VAR`, `flag --x`), what is wrong and what to do; the message is the
 * mistakes, a line each.
 */
export class ConfigError extends RegistrarError {
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super('config', mistakes.join('\n'));
    this.mistakes = mistakes;
  }
}
