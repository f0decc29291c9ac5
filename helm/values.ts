import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml';

/** One value of the chart with its comment. */
export interface ChartValue {
  /** `['image', 'tag']` */
  readonly path: readonly string[];
  readonly initial: unknown;
  readonly description: string;
}

/** Maps whose keys are the user's: one value each. */
const whole: ReadonlySet<string> = new Set([
  'config',
  'resources',
  'dashboard.labels',
  'podSecurityContext',
  'securityContext',
  'startupProbe',
  'livenessProbe',
  'readinessProbe',
]);

/** The values in values.yaml in their order. Throws when one has no comment. */
export function readValues(text: string): readonly ChartValue[] {
  const document = parseDocument(text);
  if (!isMap(document.contents)) throw new Error('values.yaml holds no map');
  // The head of the file is the comment of the document, not of its first value.
  return valuesIn(document.contents, []);
}

function valuesIn(map: YAMLMap, above: readonly string[]): ChartValue[] {
  return map.items.flatMap(({ key, value }, index) => {
    if (!isScalar(key)) throw new Error('values.yaml has a key that is not plain text');
    const path = [...above, String(key.value)];
    const name = path.join('.');
    if (isMap(value) && value.items.length > 0 && !whole.has(name)) return valuesIn(value, path);
    // The parser gives the comment before the first pair to the map.
    const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : undefined) ?? '';
    if (comment.trim() === '') throw new Error(`values.yaml: ${name} has no comment`);
    const initial = isScalar(value) ? value.value : (value as YAMLMap).toJSON();
    return [{ path, initial, description: comment.replaceAll(/\s*\n\s*/g, ' ').trim() }];
  });
}
