import { configJsonSchema } from './schema.ts';

/** One key of the configuration that holds a value. */
export interface ConfigKey {
  /** `consul.requestTimeout` */
  readonly name: string;
  readonly path: readonly string[];
  /**
   * The environment variable that sets it: `KUBE_REGISTRAR_CONSUL_REQUEST_TIMEOUT`. Undefined for what only a
   * file can hold: a list of sections.
   */
  readonly environment: string | undefined;
  readonly type: 'string' | 'boolean' | 'number' | 'list';
  /** The values it can have, when they are few. */
  readonly choices: readonly string[];
  /** As in a configuration file; undefined when the key may be absent. */
  readonly initial: unknown;
  readonly description: string;
  /** Keys of each section of a list of sections; otherwise empty. */
  readonly itemKeys: readonly string[];
}

export const environmentPrefix = 'KUBE_REGISTRAR_';

interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
}

function keysIn(node: SchemaNode, path: readonly string[]): ConfigKey[] {
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([key, child]) => keysIn(child, [...path, key]));
  }
  const itemKeys = Object.keys(node.items?.properties ?? {});
  return [
    {
      name: path.join('.'),
      path,
      environment: itemKeys.length > 0 ? undefined : variableOf(path),
      type: typeOf(node, path),
      choices: node.enum ?? [],
      initial: node.default,
      description: node.description ?? '',
      itemKeys,
    },
  ];
}

function typeOf(node: SchemaNode, path: readonly string[]): ConfigKey['type'] {
  if (node.type === 'string' || node.type === 'boolean') return node.type;
  if (node.type === 'number' || node.type === 'integer') return 'number';
  if (node.type === 'array') return 'list';
  throw new Error(`${path.join('.')}: environment.ts cannot read a ${node.type} yet`);
}

/** The variable a key has, or would have. */
export function variableOf(path: readonly string[]): string {
  return environmentPrefix + path.map(upperSnake).join('_');
}

function upperSnake(key: string): string {
  return key.replace(/[A-Z]/g, '_$&').toUpperCase();
}

/** All keys in the order of the schema, read from its JSON Schema, so that there is no second list. */
export const configKeys: readonly ConfigKey[] = keysIn(configJsonSchema() as SchemaNode, []);
