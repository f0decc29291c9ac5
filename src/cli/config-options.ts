import { type Command, Option } from 'commander';
import { configFlags } from '../config/flags.ts';
import type { FlagValues } from '../config/resolve.ts';
import { repeatable } from './shared-options.ts';

/** The part of the configuration that the command line gives. */
export interface ConfigOptions {
  /** Path of the configuration file. */
  readonly config: string | undefined;
  readonly flags: FlagValues;
}

/** What commander hands to an action. */
export type ParsedOptions = Readonly<Record<string, string | string[] | boolean | undefined>>;

export interface WhichOptions {
  /** Also the flags that only `run` uses. Default false. */
  readonly forRun?: boolean;
  /** Only the flags of keys in this section of the configuration. Default: all. */
  readonly section?: 'consul';
}

/** Adds `--config` and the flags that set a key of the configuration. */
export function addConfigOptions(command: Command, { forRun = false, section }: WhichOptions = {}): Command {
  command.option('--config <FILE>', 'configuration file (YAML); environment and flags win over it');
  for (const { flag, key, value, description, list } of configFlags) {
    if (!forRun && flag === '--listen') continue;
    if (section !== undefined && !key.startsWith(`${section}.`)) continue;
    const option = new Option(`${flag} <${value}>`, description);
    if (list === true) option.argParser(repeatable);
    command.addOption(option);
  }
  return command;
}

export function configOptionsOf(options: ParsedOptions): ConfigOptions {
  const flags = Object.fromEntries(
    configFlags.flatMap(({ flag, key }) => {
      const value = options[new Option(flag).attributeName()];
      return typeof value === 'string' || Array.isArray(value) ? [[key, value]] : [];
    }),
  );
  return { config: options['config'] as string | undefined, flags };
}
