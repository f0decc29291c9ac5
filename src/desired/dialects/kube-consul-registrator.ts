import type { V1Pod } from '@kubernetes/client-node';
import { mostUserKeys } from '../meta.ts';
import { type Dialect, ignore, literal, type Translated } from './dialect.ts';

const prefix = 'consul-registrator/';
const metaPrefix = `${prefix}service-meta-`;

/** kube-consul-registrator on pods. */
export const kubeConsulRegistratorDialect: Dialect = {
  name: 'kube-consul-registrator',
  prefix,
  ofPod: translate,
};

function translate({ metadata = {}, spec }: V1Pod): Translated {
  const { annotations = {} } = metadata;
  const read = (name: string): string | undefined => annotations[`${prefix}${name}`];
  if (read('enabled') !== 'true') return {};
  const [first] = (spec?.containers ?? []).flatMap(({ ports = [] }) => ports.slice(0, 1));
  const tags = read('service-tag') ?? '';
  const meta = Object.keys(annotations).filter((key) => key.startsWith(metaPrefix));
  return {
    service: literal(read('service-name') ?? '') || '{pod.name}',
    port: read('service-port') ?? `${first?.containerPort ?? 80}`,
    ...(read('service-id') === undefined
      ? {}
      : { [`${prefix}service-id`]: ignore('has no effect: ids are those of kube-registrar') }),
    // It knows no escape: each comma separates.
    ...(tags === '' ? {} : { tags: literal(tags.replaceAll('\\,', '\\ ,')) }),
    ...Object.fromEntries(
      meta
        .slice(0, mostUserKeys + 1)
        .map((key) => [`meta.${key.slice(metaPrefix.length)}`, literal(annotations[key]!)]),
    ),
  };
}
