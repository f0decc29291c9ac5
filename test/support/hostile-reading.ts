import { RegistrarError } from '../../src/lib/errors.ts';
import { consulNodeName, instanceId, serviceName } from '../../src/model/keys.ts';
import type { ObservedInstance, ObservedNode } from '../../src/plan/observed.ts';
import { ServiceCounts } from '../../src/reconcile/service-counts.ts';
import type { Reading } from '../../src/server/reading.ts';
import { anObserved } from './observed-nodes.ts';
import { sampleReading } from './sample-reading.ts';

/** Texts that a user may write into an annotation, or others into Consul, to harm whoever reads the pages. */
export const hostileTexts = {
  control: 'a\u0000b\u001b[31mred\u001b]0;title\u0007\u009b2J\r\nnext\tline\u2028end',
  bidi: 'user\u202e\u2066// admin\u2069\u2066 \u200f שלום \u061cمرحبا',
  script: `</p></section></main><script>window.harmed = 'script'</script>`,
  attribute: `" onmouseover="window.harmed='attribute'" autofocus onfocus="window.harmed='focus'" x="`,
  image: `<img src=x onerror="window.harmed='image'"><svg onload="window.harmed='svg'"><style>*{display:none}</style>`,
  link: 'javascript:window.harmed=1//?a=b&service=c#d%00%zz',
  template: '{harmed} {{harmed}} &lt;b&gt; &#x3c;script&#x3e;',
  long: 'x'.repeat(10_000),
  words: 'very long '.repeat(1_000),
  marks: `z${'\u0321\u0334\u0353\u0360'.repeat(200)}algo`,
} as const;

/** What an operator could know if such texts came through everywhere that text of others is shown. */
export const hostileReading: Reading = hostile(Object.values(hostileTexts));

function hostile(texts: readonly string[]): Reading {
  const [problem] = sampleReading.problems;
  const [drift] = sampleReading.drift;
  const [held] = sampleReading.findings;
  const [change] = sampleReading.changes;
  if (held?.item.kind !== 'held') throw new Error('the sample starts with what is held');
  const { item } = held;
  const nodes = texts.map((text, at) => hostileNode(text, at));
  const refs = texts.map(
    (text) =>
      ({
        kind: 'instance',
        node: consulNodeName(text),
        instance: instanceId(text),
        service: serviceName(text),
      }) as const,
  );
  return {
    ...sampleReading,
    clusterName: texts.filter(({ length }) => length < 1_000).join(' '),
    consulAddresses: texts,
    version: texts.join(' '),
    degraded: texts,
    nodes,
    services: new ServiceCounts(() => nodes).now,
    reflectors: sampleReading.reflectors.map((reflector, at) => ({
      ...reflector,
      namespace: texts[at] ?? '',
      lastError: { error: new RegistrarError('forbidden', texts.join(' ')), at: 50_000, since: 1_000 },
    })),
    problems: texts.map((text) => ({
      ...problem!,
      item: {
        ...problem!.item,
        object: { kind: text, namespace: text, name: text, uid: text } as never,
        field: text,
        message: text,
      },
    })),
    findings: refs.map((at, index) => ({
      ...held,
      item: { ...item, by: 'consul', because: 'refused', at, error: texts[index]! },
    })),
    drift: refs.map((at, index) => {
      const text = texts[index]!;
      const fields = [{ field: text, before: text, after: text }];
      return { ...drift!, drift: { ...drift!.drift, at, fields } };
    }),
    changes: refs.map((at, index) => ({ ...change!, text: texts[index]!, at })),
  };
}

function hostileNode(text: string, at: number): ObservedNode {
  const plain = anObserved(`n${at}`, { web: ['critical'] }, 'critical');
  const checksOf = <Id, Check extends { readonly name: string }>(checks: ReadonlyMap<Id, Check>) =>
    new Map([...checks].map(([id, check]) => [id, { ...check, name: text, output: text }]));
  const instances = [...plain.instances.values()].map(
    (each): ObservedInstance => ({
      ...each,
      id: instanceId(text),
      address: text,
      service: serviceName(text),
      meta: { 'kube-namespace': text, 'kube-pod': text, 'kube-service': text },
      checks: checksOf(each.checks),
    }),
  );
  return {
    ...plain,
    name: consulNodeName(text),
    address: text,
    meta: { 'kube-node': text },
    checks: checksOf(plain.checks),
    instances: new Map(instances.map((each) => [each.id, each])),
  };
}
