import { type Command, Option } from 'commander';
import { configFlags } from '../config/flags.ts';
import type { FlagValues } from '../config/resolve.ts';
import { repeatable } from './common-options.ts';

/** The part of the configuration that the command line gives. */
export interface ConfigOptions {
  /** Path of the configuration file. */
  readonly config: string | undefined;
  readonly flags: FlagValues;
  /** What to say about flags that have another name now. */
  readonly warnings: readonly string[];
}

/** What commander hands to an action. */
export type ParsedOptions = Readonly<Record<string, string | string[] | boolean | undefined>>;

export interface WhichOptions {
  /** Also the flags that only `run` uses. Default false. */
  readonly forRun?: boolean;
  /** Only the flags of keys in this section of the configuration. Default: all. */
  readonly section?: 'consul';
  /** Adds `-n`, `--namespace` for the object that the command is about. Default false. */
  readonly forObject?: boolean;
}

/** Adds `--config` and the flags that set a key of the configuration. */
export function addConfigOptions(
  command: Command,
  { forRun = false, section, forObject = false }: WhichOptions = {},
): Command {
  if (forObject)
    command.option('-n, --namespace <NAMESPACE>', 'namespace of the object (default: that of the context)');
  command.option('--config <FILE>', 'configuration file (YAML); environment variables and flags override it');
  for (const { flag, formerly, key, value, description, choices, list } of configFlags) {
    if (!forRun && flag === '--listen') continue;
    if (section !== undefined && !key.startsWith(`${section}.`)) continue;
    const option = new Option(`${flag} <${value}>`, description);
    if (list === true) option.argParser(repeatable);
    // Only named: a wrong value is reported with the other mistakes of the configuration.
    if (choices !== undefined) option.argChoices = [...choices];
    command.addOption(option);
    if (formerly === undefined || forObject) continue;
    const former = new Option(`${formerly} <${value}>`).hideHelp();
    command.addOption(list === true ? former.argParser(repeatable) : former);
  }
  return command;
}

export function configOptionsOf(
  options: ParsedOptions,
  { forObject = false }: WhichOptions = {},
): ConfigOptions {
  const flags: Record<string, string | string[]> = {};
  const warnings: string[] = [];
  const given = (flag: string) => {
    const value = options[new Option(flag).attributeName()];
    return typeof value === 'boolean' ? undefined : value;
  };
  for (const { flag, formerly, key } of configFlags) {
    const former = formerly === undefined || forObject ? undefined : given(formerly);
    if (former !== undefined) warnings.push(`flag ${formerly}: is now called ${flag}`);
    const value = given(flag) ?? former;
    if (value !== undefined) flags[key] = value;
  }
  return { config: options['config'] as string | undefined, flags, warnings };
}
