import type { V1Pod, V1Service } from '@kubernetes/client-node';
import { fields } from '../../src/desired/fields.ts';

export const prefix = 'kube-registrar.io/';

/** Texts that are expensive to read for somebody: repeated, they are a value. */
export const pieces: readonly string[] = [
  ...['a', '1', '-', '.', ',', '\\,', '/', ' ', '\n', '\t', '{', '}', '{{', '}}', '{a', '{}', '{pod.name}'],
  ...[
    '{pod.label.x}',
    '{pod.label.label-000000}',
    '{pod.lable.a}',
    '{node.zone}',
    '1s',
    '1.',
    '.1',
    '1h1m',
    'µ',
  ],
  ...[
    '-a',
    'a-',
    'a.',
    'a_',
    '[',
    ']',
    '[]',
    '[],',
    '- ',
    '- a\n',
    '- &a a\n',
    '- *a\n',
    '{a: ',
    '? ',
    ': ',
    ':\n',
  ],
  ...[
    'a:\n',
    '- a: b\n',
    '- service: a\n',
    '- {service: a, port: "x"}\n',
    'a,',
    '{a: b},',
    '"',
    "'",
    "'' ",
    '"" ',
  ],
  ...[
    '\\n',
    '\\x',
    '!a ',
    '&a ',
    '*a : ',
    '<<: ',
    '#\n',
    '%a\n',
    '---\n',
    '...\n',
    '- |\n',
    '  a\n',
    '- >-\n a\n',
    '|',
  ],
  ...[
    '- service: web\n  port: http\n  tags: [a, b]\n  meta:\n    x: y\n',
    'http://',
    'http://a/',
    ':1',
    '::',
    '[::1]',
  ],
  ...['ä', '日', '😀', '\u202e', '\u001b', 'true', 'localhost.', 'x@', '@', '`', '\ufeff', '\r', '\\ud800'],
];

/** At least `length` characters of the piece. */
export const repeated = (piece: string, length: number): string =>
  piece.repeat(Math.ceil(length / piece.length)).slice(0, length);

/** One value after another in every field, in `services` inside a list and plain, and in a `meta.` key. */
export function valuesOf(piece: string, length: number): readonly Readonly<Record<string, string>>[] {
  const text = repeated(piece, length);
  const ofField = (name: string) => ({ service: 'web', [name]: text });
  return [
    Object.fromEntries(fields.map((name) => [name, text])),
    ...fields.map(ofField),
    { ...ofField('meta.a'), [`meta.${text.slice(0, 57)}`]: text },
    { services: text },
    { services: `- service: "${text}"\n` },
    { services: `- service: web\n  warmup: '${text}'\n` },
    { services: `[{service: web, tags: [${text}]}]` },
    { services: `[{service: web, meta: {${text}}}]` },
    { services: `- ${text}` },
  ];
}

export const under = (annotations: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`${prefix}${name}`, value]));

export const hostilePod = (
  annotations: Readonly<Record<string, string>>,
  { labels = {}, spec = {} }: { readonly labels?: Record<string, string>; readonly spec?: object } = {},
): V1Pod => ({
  metadata: {
    ...{ name: 'web-1', namespace: 'shop', uid: 'u', resourceVersion: '1' },
    labels,
    annotations: under(annotations),
  },
  spec: {
    nodeName: 'n1',
    containers: [{ name: 'a', ports: [{ name: 'http', containerPort: 80 }] }],
    ...spec,
  },
  status: {
    phase: 'Running',
    podIPs: [{ ip: '10.0.0.1' }],
    conditions: [{ type: 'ContainersReady', status: 'True' }],
  },
});

export const hostileService = (annotations: Readonly<Record<string, string>>): V1Service => ({
  metadata: { name: 'web', namespace: 'shop', uid: 's', annotations: under(annotations) },
  spec: { ports: [{ name: 'http', port: 80 }] },
});

const numbered = (count: number, key: (index: number) => string, value: string): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [key(index), value]));
const six = (index: number): string => String(index).padStart(6, '0');

/** Whole pods that were, or would be, expensive: they grow with `size`, 1 for what was found in the field. */
export function hostilePods(size: number): Readonly<Record<string, V1Pod>> {
  const count = (most: number) => Math.ceil(most * size);
  const labels = numbered(count(6_000), (index) => `label-number-${six(index)}`, 'value-of-a-label');
  const nearMisses = Array.from(
    { length: count(90) },
    (_, index) => `{pod.label.label-numbr-x${six(index)}}`,
  );
  return {
    'wrong labels': hostilePod(
      { service: 'web', ...numbered(30, (index) => `meta.k${index}`, nearMisses.join('')) },
      { labels },
    ),
    'short wrong labels': hostilePod(
      { service: 'web', ...numbered(53, (index) => `meta.k${index}`, repeated('{pod.label.x}', count(640))) },
      { labels: numbered(128, (index) => `${'x'.repeat(1 + (index % 3))}${index}`, 'x') },
    ),
    'near misses in services': hostilePod(
      { services: `- service: web\n  tags: "${repeated('{pod.label.label-numbr-x000001},', count(8_000))}"` },
      { labels },
    ),
    'unknown names': hostilePod(numbered(count(8_000), (index) => `servic-por${index}`, '')),
    'unknown fields': hostilePod({
      services: `- ${Array.from({ length: count(600) }, (_, index) => `servic${index}: x`).join('\n  ')}`,
    }),
    'many meta keys': hostilePod({
      service: 'web',
      ...numbered(count(8_000), (index) => `meta.k ${index}`, '{'),
    }),
    'many services': hostilePod({
      services: Array.from(
        { length: count(500) },
        (_, index) => `- {service: a_${index}, port: htpp}\n`,
      ).join(''),
    }),
    'many ports': hostilePod(
      { services: '- {service: web, port: prot-1}\n'.repeat(count(260)) },
      {
        spec: {
          containers: [
            {
              name: 'a',
              ports: Array.from({ length: count(20_000) }, (_, index) => ({
                name: `port-${index}`,
                containerPort: 1 + (index % 65_535),
              })),
            },
          ],
        },
      },
    ),
    'many gates': hostilePod(
      { service: 'web', port: '80' },
      {
        spec: {
          containers: [],
          readinessGates: [
            ...Array.from({ length: count(10_000) }, (_, index) => ({
              conditionType: `example.com/gate-${index}`,
            })),
            { conditionType: 'kube-registrar.io/registered' },
          ],
        },
      },
    ),
    'long values everywhere': hostilePod({
      ...Object.fromEntries(fields.map((name) => [name, repeated('{pod.name}-', count(12_000))])),
      services: repeated('- service: web\n', count(20_000)),
    }),
  };
}
