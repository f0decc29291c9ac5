import { didYouMean, error, type Mistake, quote, warning } from './mistake.ts';

/**
 * The values of the placeholders: a closed list, no expressions. An empty text means that there is no value
 * (an endpoint without a pod, a node without a zone).
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

interface Placeholder {
  readonly means: string;
  readonly value: (places: Placeholders) => string;
}

/** Every placeholder with a fixed name, without its braces; `pod.label.<key>` has a key in it. */
const named: Readonly<Record<string, Placeholder>> = {
  'pod.name': { means: "the pod's name", value: ({ podName }) => podName },
  'pod.namespace': {
    means: 'the namespace of the pod or Service',
    value: ({ podNamespace }) => podNamespace,
  },
  'node.name': { means: 'the Kubernetes node', value: ({ nodeName }) => nodeName },
  'node.zone': { means: 'its label `topology.kubernetes.io/zone`', value: ({ nodeZone }) => nodeZone },
  'node.region': {
    means: 'its label `topology.kubernetes.io/region`',
    value: ({ nodeRegion }) => nodeRegion,
  },
  'cluster.name': { means: '`cluster.name` of the configuration', value: ({ clusterName }) => clusterName },
};
const labelPrefix = 'pod.label.';

/** Every placeholder as it is written, and what it stands for. */
export const placeholders: readonly { readonly name: string; readonly means: string }[] = [
  ...Object.entries(named).map(([name, { means }]) => ({ name, means })),
  { name: `${labelPrefix}<key>`, means: 'the value of that label of the pod' },
];

/**
 * A text whose placeholders are all known and closed, as a regular expression for CEL: it reads from start to end
 * without going back, and holds no quote and no backslash.
 */
export const placeholderForm = `^([^{]|[{][{]|[{](${Object.keys(named)
  .map((name) => name.replace('.', '[.]'))
  .join('|')}|${labelPrefix.replaceAll('.', '[.]')}[^{}]+)[}])*$`;

/** How many labels of a pod placeholders can use. Records keep one more, which shows that a pod has too many. */
export const mostLabels = 128;

/** Whether expanding the text could change it. */
const isDynamic = (text: string): boolean => text.includes('{') || text.includes('}}');

/**
 * The text with its placeholders filled in. `{{` and `}}` stand for a brace. An unknown placeholder is an
 * error. A known one without a value becomes empty with a warning, as in Kubernetes' downward API: a tag
 * without its zone is better than no instance. With `strict` it is an error, for values such as names and ports
 * that decide what is registered.
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
      mistakes.push(error(field, 'a placeholder is not closed; write {{ for a literal brace'));
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
  if (!name.startsWith(labelPrefix)) {
    return Object.hasOwn(named, name) ? named[name]?.value(places) : undefined;
  }
  const label = name.slice(labelPrefix.length);
  if (label === '') return undefined;
  return Object.hasOwn(places.podLabels, label) ? places.podLabels[label] : '';
}

function unknown(name: string): string {
  const known = placeholders.map((placeholder) => placeholder.name);
  const hint = didYouMean(name, known) || `; valid are ${known.join(', ')}; write {{ for a literal brace`;
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
