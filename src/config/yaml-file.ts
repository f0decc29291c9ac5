import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml';
import type { ConfigSource, Path } from './source.ts';

export interface YamlFile {
  readonly source: ConfigSource;
  readonly mistakes: readonly string[];
}

/** At most this many syntax mistakes are reported: one often makes the parser fail on what follows. */
const mostSyntaxMistakes = 3;

/**
 * Messages of the parser that repeat a piece of the file. The piece could be part of a token, so these messages
 * replace them.
 */
const ownWords: Readonly<Record<string, string> & { BAD_ALIAS: string }> = {
  BAD_ALIAS: 'a "*" names an anchor that does not exist; put the value in quotes',
  BAD_DQ_ESCAPE: 'unknown escape after "\\"; write "\\\\" or use single quotes',
  MULTIPLE_DOCS:
    'a second document begins here, but a configuration is a single document; remove "---" or the rest',
  UNEXPECTED_TOKEN: 'unexpected text; check quotes, brackets and indentation around here',
};

/** A configuration file's text as a source. Never throws. An empty file is an empty configuration. */
export function parseYamlFile(name: string, text: string): YamlFile {
  try {
    return parse(name, text);
  } catch {
    // The parser gives up on hostile texts by throwing: deep nesting, aliases that multiply.
    const mistakes = [
      `${name}: cannot be read as YAML: nested too deeply, or too many aliases ("*"); simplify it`,
    ];
    return { source: nowhere(name), mistakes };
  }
}

function parse(name: string, text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const position = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  const place = (node: unknown, path: Path): string => {
    const offset = isNode(node) ? node.range?.[0] : undefined;
    return withPath(offset === undefined ? name : position(offset), path);
  };

  const syntax = document.errors
    .filter(({ code }) => code !== 'DUPLICATE_KEY')
    .map(
      ({ code, message, pos }) => `${position(pos[0])}: YAML syntax: ${ownWords[code] ?? firstLine(message)}`,
    );
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document) === undefined)
        syntax.push(`${place(alias, [])}: YAML syntax: ${ownWords.BAD_ALIAS}`);
    },
  });
  if (syntax.length > 0) return { source: nowhere(name), mistakes: syntax.slice(0, mostSyntaxMistakes) };

  const source: ConfigSource = {
    value: withoutNulls(document.toJS({ maxAliasCount: 50 }), 0) ?? {},
    where: (path) => place(nearest(document, path), path),
    whereKey: (path) => place(find(document, path).key, path),
  };
  const mistakes = document.errors.map(({ pos }) => `${position(pos[0])}: duplicate key; keep one`);
  return { source, mistakes };
}

/** The node at a path and the node of its key; of a key that stands there twice the last, which counts. */
function find(document: Document, path: Path): { readonly key?: unknown; readonly value?: unknown } {
  let found: { readonly key?: unknown; readonly value?: unknown } = { value: document.contents };
  for (const part of path) {
    const node = isAlias(found.value) ? found.value.resolve(document) : found.value;
    if (isMap(node)) {
      found = node.items.findLast(({ key }) => isScalar(key) && String(key.value) === String(part)) ?? {};
    } else if (isSeq(node)) found = { value: node.items[Number(part)] };
    else return {};
  }
  return found;
}

/** The node at a path or, for what is missing, that of the section it is missing from. */
function nearest(document: Document, path: Path): unknown {
  for (let length = path.length; length >= 0; length -= 1) {
    const { value } = find(document, path.slice(0, length));
    if (isNode(value)) return value;
  }
  return undefined;
}

/** A key with nothing after it (`token:`) counts as absent: templates leave such lines behind. */
function withoutNulls(value: unknown, depth: number): unknown {
  if (value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value) || depth > 8) return value;
  const kept = Object.entries(value).map(([key, child]) => [key, withoutNulls(child, depth + 1)] as const);
  return Object.fromEntries(kept.filter(([, child]) => child !== undefined));
}

/** The source of a file that cannot be read: it sets nothing, so that no further mistakes are found in it. */
function nowhere(name: string): ConfigSource {
  const where = (path: Path): string => withPath(name, path);
  return { value: {}, where, whereKey: where };
}

const withPath = (place: string, path: Path): string =>
  path.length === 0 ? place : `${place}: ${path.map(String).join('.')}`;

const firstLine = (text: string): string => text.split('\n', 1)[0]!;
