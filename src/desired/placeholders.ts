import { didYouMean, error, type Mistake, quote, warning } from './mistake.ts';

/**
 * What placeholders stand for: a closed list, no expressions. An empty text means that the value is not
 * there (an endpoint without a pod, a node without a zone).
 */
export interface Placeholders {
  readonly podName: string;
  readonly podNamespace: string;
  readonly podLabels: Readonly<Record<string, string>>;
  readonly nodeName: string;
  readonly nodeZone: string;
  readonly nodeRegion: string;
  readonly clusterName: string;
}

const names: ReadonlyMap<string, (places: Placeholders) => string> = new Map([
  ['pod.name', (places) => places.podName],
  ['pod.namespace', (places) => places.podNamespace],
  ['node.name', (places) => places.nodeName],
  ['node.zone', (places) => places.nodeZone],
  ['node.region', (places) => places.nodeRegion],
  ['cluster.name', (places) => places.clusterName],
]);
const labelPrefix = 'pod.label.';

/** Labels of a pod that placeholders are looked for in. Records keep one more, so that it shows when there are. */
export const mostLabels = 128;

/** Whether expanding the text could change it. */
const isDynamic = (text: string): boolean => text.includes('{') || text.includes('}}');

/**
 * The text with its placeholders filled in. `{{` and `}}` stand for a brace. An unknown placeholder is an
 * error. A known one without a value becomes empty with a warning, as in Kubernetes' downward API: a tag
 * that lacks its zone is better than an instance nobody finds. Where it would change what is registered
 * (`strict`, for names and ports) that too is an error.
 */
export function expand(
  text: string,
  places: Placeholders,
  { field, strict }: { readonly field: string; readonly strict: boolean },
): { readonly text: string; readonly mistakes: readonly Mistake[] } {
  if (!isDynamic(text)) return { text, mistakes: [] };
  const mistakes: Mistake[] = [];
  const expanded = text.replace(/\{\{|\}\}|\{([^{}]*)(\}?)/g, (match, name: string, end: string) => {
    if (match === '{{') return '{';
    if (match === '}}') return '}';
    if (end === '') {
      mistakes.push(error(field, 'a placeholder is not closed; write {{ for a brace'));
      return '';
    }
    const value = lookUp(name, places);
    if (value === undefined) mistakes.push(error(field, () => unknown(name)));
    else if (value === '') mistakes.push((strict ? error : warning)(field, () => missing(name, places)));
    return value ?? '';
  });
  return { text: expanded, mistakes };
}

function lookUp(name: string, places: Placeholders): string | undefined {
  if (!name.startsWith(labelPrefix)) return names.get(name)?.(places);
  const label = name.slice(labelPrefix.length);
  if (label === '') return undefined;
  return Object.hasOwn(places.podLabels, label) ? places.podLabels[label] : '';
}

function unknown(name: string): string {
  const known = [...names.keys(), `${labelPrefix}<key>`];
  const hint = didYouMean(name, known) || `; known are ${known.join(', ')}; write {{ for a brace`;
  return `${quote(`{${name}}`)} is not a placeholder${hint}`;
}

function missing(name: string, places: Placeholders): string {
  if (!name.startsWith(labelPrefix)) return `{${name}} has no value here`;
  const label = name.slice(labelPrefix.length);
  const labels = Object.keys(places.podLabels);
  if (labels.length > mostLabels)
    return `${quote(label)} is not among the first ${mostLabels} labels of the pod`;
  return `the pod has no label ${quote(label)}${didYouMean(label, labels)}`;
}
