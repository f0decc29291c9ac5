import { suggest } from '../lib/suggest.ts';
import { kindOf, quote } from './fields.ts';
import { configKeys } from './keys.ts';
import { configSchema } from './schema.ts';

export type Path = readonly PropertyKey[];

/**
 * One place a configuration comes from: part of a configuration in the shape of the file, and where each
 * piece of it stands.
 */
export interface ConfigSource {
  readonly value: unknown;
  /** Where the value at `path` stands, for the start of a message: `config.yaml:3:7: consul.token`. */
  where(path: Path): string;
  /** Like `where`, of the key instead of its value. */
  whereKey(path: Path): string;
}

/** What is wrong with the values of a source, by themselves; empty when nothing is. */
export function mistakesIn(source: ConfigSource): string[] {
  const result = configSchema.safeParse(source.value);
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map(
        (key) => `${source.whereKey([...issue.path, key])}: ${unknownKey(issue.path, key)}`,
      );
    }
    return [`${source.where(issue.path)}: ${describeIssue(issue, valueAt(source.value, issue.path))}`];
  });
}

interface Issue {
  readonly code?: string;
  readonly expected?: string;
  readonly values?: readonly unknown[];
  readonly path: Path;
  readonly message: string;
}

function describeIssue(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue, value);
    case 'invalid_value':
      return notAChoice(value, (issue.values ?? []).map(String));
    default:
      return issue.message; // Written for people: see fields.ts and schema.ts.
  }
}

function wrongType({ expected = 'value', path, message }: Issue, value: unknown): string {
  const isText = typeof value === 'string';
  switch (expected) {
    case 'string':
      return typeof value === 'object'
        ? `must be text, not ${kindOf(value)}`
        : `must be text, not ${kindOf(value)}; put it in quotes`;
    case 'boolean':
      return `must be true or false${isText ? ', without quotes' : `, not ${kindOf(value)}`}`;
    case 'array':
      return `must be a list, not ${kindOf(value)}; write one item per line, each after "- "`;
    case 'number':
    case 'int':
      return message; // Written for people: see number() in fields.ts.
    default:
      return path.length === 0
        ? `must be a mapping of keys to values, not ${kindOf(value)}`
        : `must be a section with keys, not ${kindOf(value)}`;
  }
}

function notAChoice(value: unknown, choices: readonly string[]): string {
  const shown = typeof value === 'string' ? quote(value) : kindOf(value);
  const meant = typeof value === 'string' ? suggest(value, choices) : undefined;
  const all = choices.map((choice) => `"${choice}"`).join(', ');
  return `${shown} is not valid; ${meant === undefined ? `use one of ${all}` : `did you mean "${meant}"? Valid: ${all}`}`;
}

function unknownKey(section: Path, key: string): string {
  const depth = section.length;
  const names = configKeys.filter(({ path }) => section.every((part, index) => path[index] === part));
  const item = configKeys.find(
    ({ path }) => path.length < depth && path.every((part, index) => section[index] === part),
  );
  const here = item?.itemKeys ?? [...new Set(names.flatMap(({ path }) => path[depth] ?? []))];
  const meant = suggest(key, here);
  if (meant !== undefined) return `unknown key; did you mean "${meant}"?`;
  // A key in the wrong section is a common mistake of indentation.
  const elsewhere = configKeys.find(({ path }) => path.at(-1) === key);
  if (elsewhere !== undefined) return `unknown key; did you mean "${elsewhere.name}"?`;
  return `unknown key; valid here: ${here.join(', ')}`;
}

/** The value at a path of plain data; undefined when there is none. */
export function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined;
    current = (current as Record<PropertyKey, unknown>)[part];
  }
  return current;
}

/** Sets the value at a path of plain data, making the sections on the way. */
export function setAt(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let section = target;
  for (const part of path.slice(0, -1)) {
    section[part] ??= {};
    section = section[part] as Record<string, unknown>;
  }
  section[path.at(-1)!] = value;
}
