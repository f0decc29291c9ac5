import type { V1Pod, V1Service } from '@kubernetes/client-node';
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseAllDocuments,
  visit,
  type YAMLMap,
} from 'yaml';

/** A Pod, written as such or made from a template, or a Service, with the places of its annotations. */
export interface Manifest {
  /** As written: `Deployment`. */
  readonly kind: string;
  readonly name: string;
  readonly line: number;
  readonly column: number;
  readonly object:
    | { readonly kind: 'Pod'; readonly pod: V1Pod }
    | { readonly kind: 'Service'; readonly service: V1Service };
  readonly annotations: readonly ManifestAnnotation[];
}

export interface ManifestAnnotation {
  readonly key: string;
  readonly line: number;
  readonly column: number;
  /** What YAML makes of the value; Kubernetes takes text only. */
  readonly value: unknown;
}

export interface SyntaxMistake {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface Manifests {
  readonly manifests: readonly Manifest[];
  readonly mistakes: readonly SyntaxMistake[];
}

/** Where the pod template of a kind stands. */
const templates: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

/** The Pods, pod templates and Services in YAML or JSON; other kinds are left out. Never throws. */
export function readManifests(text: string): Manifests {
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const manifests: Manifest[] = [];
  const mistakes: SyntaxMistake[] = [];
  try {
    // The parser's own check for duplicate keys compares each key with every other one.
    const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false };
    for (const document of parseAllDocuments(text, options)) {
      const [error = repeatedKey(document)] = document.errors;
      if (error !== undefined) {
        const [message = ''] = error.message.split('\n', 1);
        mistakes.push({ ...at(error.pos[0]), message: `YAML syntax: ${message}` });
      } else {
        for (const map of objects(document.contents)) {
          const manifest = manifestOf(map, document, at);
          if (manifest !== undefined) manifests.push(manifest);
        }
      }
    }
  } catch {
    mistakes.push({ line: 1, column: 1, message: 'cannot be read as YAML: too deep, or too many aliases' });
  }
  return { manifests, mistakes };
}

/** The first key that stands twice in a map: Kubernetes takes no such object. */
function repeatedKey(document: Document) {
  let found: { readonly message: string; readonly pos: readonly [number] } | undefined;
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          found = { message: 'Map keys must be unique', pos: [key.range?.[0] ?? 0] };
          return visit.BREAK;
        }
        seen.add(key.value);
      }
      return undefined;
    },
  });
  return found;
}

/** The object itself, or those of a List. */
function* objects(node: unknown): Iterable<YAMLMap> {
  if (!isMap(node)) return;
  const items = node.get('items', true);
  if (String(node.get('kind') ?? '').endsWith('List') && isSeq(items)) {
    for (const item of items.items) yield* objects(item);
  } else yield node;
}

type Position = { readonly line: number; readonly column: number };

function manifestOf(
  map: YAMLMap,
  document: Document,
  at: (offset: number) => Position,
): Manifest | undefined {
  const kind = String(map.get('kind') ?? '');
  const path = kind === 'Pod' || kind === 'Service' ? [] : templates[kind];
  if (path === undefined) return undefined;
  const declaring = path.length === 0 ? map : map.getIn(path, true);
  if (!isMap(declaring)) return undefined;
  const name = String(map.getIn(['metadata', 'name']) ?? map.getIn(['metadata', 'generateName']) ?? '');
  const namespace = String(map.getIn(['metadata', 'namespace']) ?? 'default');
  const plain: unknown = declaring.toJS(document, { maxAliasCount: 50 });
  const written = plain as V1Pod;
  const metadata = { ...written.metadata, name, namespace };
  const annotations = declaring.getIn(['metadata', 'annotations'], true);
  return {
    kind,
    name,
    ...at(map.range?.[0] ?? 0),
    object:
      kind === 'Service'
        ? { kind: 'Service', service: { ...(plain as V1Service), metadata } }
        : { kind: 'Pod', pod: { ...written, metadata } },
    annotations: isMap(annotations) ? annotations.items.map((pair) => annotationOf(pair, at)) : [],
  };
}

function annotationOf({ key, value }: Pair, at: (offset: number) => Position): ManifestAnnotation {
  return {
    key: isScalar(key) ? String(key.value) : '',
    value: isScalar(value) ? value.value : value,
    ...at(isNode(key) ? (key.range?.[0] ?? 0) : 0),
  };
}
