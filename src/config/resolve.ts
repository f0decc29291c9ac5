import { consulEnvironment } from './consul-environment.ts';
import { crossMistakes, crossWarnings, tokenMistakes, valueMistakes } from './cross-check.ts';
import { type Environment, environmentSource, type Setting, settingsSource } from './environment.ts';
import { configFlags } from './flags.ts';
import { type Merged, merge } from './merge.ts';
import { type Config, configSchema } from './schema.ts';
import { type ConfigSource, mistakesIn, valueAt } from './source.ts';
import { syncMistakes, syncWarnings } from './sync-check.ts';
import { parseYamlFile } from './yaml-file.ts';

export interface ConfigTexts {
  /** The configuration file: its name as the user gave it, for messages, and its text. */
  readonly file: { readonly name: string; readonly text: string } | undefined;
  readonly environment: Environment;
  /** Values of flags by the key they set (`log.level`). */
  readonly flags: FlagValues;
}

export type FlagValues = Readonly<Record<string, string | readonly string[]>>;

export interface Resolved {
  /** Undefined when there are mistakes. */
  readonly config: Config | undefined;
  readonly merged: Merged;
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Merges the file, Consul's variables, this program's variables and flags, in rising order. Every source is
 * checked by itself, so that a mistake is reported even where another source wins. Never throws.
 */
export function resolveConfig({ file, environment, flags }: ConfigTexts): Resolved {
  const yaml = file === undefined ? undefined : parseYamlFile(file.name, file.text);
  const fromFile = yaml?.source ?? settingsSource([]);
  const fileMistakes = [...(yaml?.mistakes ?? []), ...mistakesIn(fromFile)];

  const consul = consulEnvironment(environment, fileMistakes.length === 0 ? addressesIn(fromFile) : []);
  const own = environmentSource(environment);
  const fromFlags = settingsSource(flagSettings(flags));

  const merged = merge([fromFile, consul.source, own.source, fromFlags]);
  const mistakes = [
    ...fileMistakes,
    ...consul.mistakes,
    ...mistakesIn(consul.source),
    ...own.mistakes,
    ...mistakesIn(own.source),
    ...mistakesIn(fromFlags),
    ...crossMistakes(merged),
    ...valueMistakes(merged),
    ...tokenMistakes(merged),
    ...syncMistakes(merged),
  ];
  if (mistakes.length > 0) return { config: undefined, merged, mistakes, warnings: consul.warnings };
  const config = configSchema.parse(merged.value);
  const warnings = [
    ...consul.warnings,
    ...crossWarnings(merged, config, file?.name),
    ...syncWarnings(merged, config),
  ];
  return { config, merged, mistakes, warnings };
}

/** The addresses of a source without mistakes, or the default. */
function addressesIn(source: ConfigSource): readonly string[] {
  return configSchema.parse({ consul: { addresses: valueAt(source.value, ['consul', 'addresses']) } }).consul
    .addresses;
}

function flagSettings(flags: FlagValues): Setting[] {
  return configFlags.flatMap(({ flag, key }) => {
    const value = flags[key];
    return value === undefined ? [] : [{ name: `flag ${flag}`, path: key.split('.'), value }];
  });
}
