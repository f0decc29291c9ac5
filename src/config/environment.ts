import { suggest } from '../lib/suggest.ts';
import { numeral, quote } from './fields.ts';
import { type ConfigKey, configKeys, environmentPrefix, variableOf } from './keys.ts';
import { type ConfigSource, setAt } from './source.ts';

/** The environment of the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvironmentSource {
  readonly source: ConfigSource;
  readonly mistakes: readonly string[];
}

/**
 * What the kubelet sets for a Service named `kube-registrar…` in the pod's namespace ("service links",
 * `KUBE_REGISTRAR_PORT_8080_TCP_ADDR`): neither configuration nor a mistake.
 */
const serviceLink = /_(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

/** `KUBE_REGISTRAR_<SECTION>_<KEY>` for every key. Lists are separated by commas; empty means absent. */
export function environmentSource(environment: Environment): EnvironmentSource {
  const keys = new Map(
    configKeys.flatMap((key) => (key.environment === undefined ? [] : [[key.environment, key] as const])),
  );
  const settings: Setting[] = [];
  const mistakes: string[] = [];
  for (const [name, text] of Object.entries(environment).sort()) {
    if (!name.startsWith(environmentPrefix) || text === undefined || text === '') continue;
    const key = keys.get(name);
    if (key !== undefined) {
      const value = fileValue(key, text);
      if (value === undefined) mistakes.push(`environment ${name}: ${notABool(text)}`);
      else settings.push({ name: `environment ${name}`, path: key.path, value });
    } else if (configKeys.some(({ path }) => variableOf(path) === name)) {
      mistakes.push(`environment ${name}: unknown variable; this can only be set in a configuration file`);
    } else if (!serviceLink.test(name)) {
      const meant = suggest(name, keys.keys());
      const hint = meant === undefined ? 'remove it or see the reference' : `did you mean ${meant}?`;
      mistakes.push(`environment ${name}: unknown variable; ${hint}`);
    }
  }
  return { source: settingsSource(settings), mistakes };
}

/** One value and what set it, such as `environment KUBE_REGISTRAR_LOG_LEVEL` or `flag --log-level`. */
export interface Setting {
  readonly name: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

/** Single settings as a source. */
export function settingsSource(settings: readonly Setting[]): ConfigSource {
  const value: Record<string, unknown> = {};
  const names = new Map<string, string>();
  for (const setting of settings) {
    setAt(value, setting.path, setting.value);
    names.set(setting.path.join('.'), setting.name);
  }
  const where = (path: readonly PropertyKey[]): string => {
    // An item of a list has the place of the list.
    for (let length = path.length; length > 0; length -= 1) {
      const name = names.get(path.slice(0, length).map(String).join('.'));
      if (name !== undefined) return name;
    }
    return 'environment';
  };
  return { value, where, whereKey: where };
}

/**
 * A variable's text as the value that a file would hold; undefined when a boolean is expected and the text is
 * none.
 */
function fileValue(key: ConfigKey, text: string): unknown {
  switch (key.type) {
    case 'string':
      return text;
    case 'boolean':
      return parseBool(text);
    case 'number':
      // The schema refuses what is not a number; it knows the bounds.
      return numeral.test(text) ? Number(text) : text;
    case 'list':
      return text.split(',').flatMap((item) => item.trim() || []);
  }
}

/** As Go's strconv.ParseBool, which Consul uses for its variables. */
export function parseBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return undefined;
}

/** The mistake of a variable that should hold a boolean. */
export const notABool = (text: string): string => `${quote(text)} is neither true nor false; use one of them`;
