import { stringify } from 'yaml';
import { ConfigError } from '../../config/config-error.ts';
import { resolveConfig } from '../../config/resolve.ts';

/** Helm values for kube-registrar, made from the settings of another program. */
export interface ConvertedValues {
  readonly config: Readonly<Record<string, unknown>>;
  /** Values of the chart beside `config`. Default: none. */
  readonly chart?: Readonly<Record<string, unknown>>;
  /** What is not migrated, and what to do. */
  readonly notes: readonly string[];
}

/**
 * Text of a values file: what to know first, then the values. Throws ConfigError for values that the operator would
 * refuse at its start: they come from elsewhere.
 */
export function valuesText({ config, chart = {}, notes }: ConvertedValues): string {
  const { mistakes } = resolveConfig({
    file: { name: 'config', text: JSON.stringify(config) },
    environment: {},
    flags: {},
  });
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return [
    ...notes.map((note) => `# ${note.replaceAll(/\s+/g, ' ')}\n`),
    stringify({ ...chart, config }),
  ].join('');
}
