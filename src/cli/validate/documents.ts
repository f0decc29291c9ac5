import {
  Composer,
  type Document,
  isScalar,
  LineCounter,
  Parser,
  type ScalarTag,
  type Tags,
  visit,
} from 'yaml';
import { YamlTree } from './yaml-tree.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface SyntaxMistake extends Position {
  readonly message: string;
}

export interface Documents {
  readonly trees: readonly YamlTree[];
  readonly mistakes: readonly SyntaxMistake[];
  readonly at: (offset: number) => Position;
}

/**
 * In characters. The parser takes up to a kilobyte of memory for each. It is as long as some thousand objects, which
 * are usually documents of their own.
 */
const longestDocument = 4 * 1024 * 1024;
/** One syntax mistake often makes the parser fail on what follows. */
const mostSyntaxMistakes = 3;

/** The documents in YAML or JSON, as Kubernetes reads them. Those with mistakes are left out. Never throws. */
export function readDocuments(text: string): Documents {
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const trees: YamlTree[] = [];
  const mistakes: SyntaxMistake[] = [];
  const tooLong = lineOfLongDocument(text);
  if (tooLong !== undefined) {
    const message = 'the document that begins here is larger than 4 MiB; separate its objects with "---"';
    return { trees, mistakes: [{ line: tooLong, column: 1, message }], at };
  }
  let offset = 0;
  try {
    for (const document of documentsIn(text, lines)) {
      offset = document.range[0];
      const found = syntaxMistakes(document);
      mistakes.push(
        ...found.map(({ start, message }) => ({ ...at(start), message: `YAML syntax: ${message}` })),
      );
      if (document.errors.length === 0) trees.push(new YamlTree(document));
    }
  } catch {
    // The parser gives up on hostile texts by throwing.
    mistakes.push({ ...at(offset), message: 'cannot be read as YAML from here on: nested too deeply' });
  }
  return { trees, mistakes, at };
}

function documentsIn(text: string, lines: LineCounter) {
  // The parser's own check for duplicate keys compares each key with every other one.
  const options = { prettyErrors: false, uniqueKeys: false, version: '1.1', customTags } as const;
  return new Composer(options).compose(new Parser(lines.addNewLine).parse(text), true, text.length);
}

/** YAML 1.1, as kubectl and helm read it, with `yes`, `off` and merge keys. They know no times: `1:30` is text. */
const customTags = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || !isTime(tag as ScalarTag));

const isTime = ({ format, tag }: ScalarTag): boolean =>
  format === 'TIME' || tag === 'tag:yaml.org,2002:timestamp';

function lineOfLongDocument(text: string): number | undefined {
  let line = 1;
  for (const part of text.split(/^---(?=\s)/m)) {
    if (part.length > longestDocument) return line;
    line += part.split('\n').length - 1;
  }
  return undefined;
}

function syntaxMistakes(document: Document): { readonly start: number; readonly message: string }[] {
  if (document.errors.length === 0) return repeatedKeys(document);
  return document.errors
    .slice(0, mostSyntaxMistakes)
    .map(({ pos, message }) => ({ start: pos[0], message: wordsFor(message) }));
}

/** The parser reports where its stack ended as it reports other mistakes. */
const wordsFor = (message: string): string =>
  message.startsWith('Maximum call stack') ? 'nested too deep' : (message.split('\n', 1)[0] ?? '');

/** Keys that stand twice in a map: Kubernetes takes no such object. */
function repeatedKeys(document: Document): { readonly start: number; readonly message: string }[] {
  const found: { readonly start: number; readonly message: string }[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value))
          found.push({ start: key.range?.[0] ?? 0, message: 'Map keys must be unique' });
        seen.add(key.value);
      }
    },
  });
  return found;
}
