import { compatibility } from '../../config/schema/compatibility.ts';

export type Mapping = Readonly<Record<string, unknown>>;

/** The block `compatibility`, without what is so by default. */
export function followingConsulK8s(settings: Mapping): Mapping {
  const defaults: Mapping = compatibility.parse({}).consulK8s;
  const changed = Object.entries(settings).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(defaults[key]),
  );
  return { compatibility: { consulK8s: { enabled: true, ...Object.fromEntries(changed) } } };
}

/** What stands in a mapping under a key; empty when it is none. */
export function mappingAt(mapping: Mapping, key: string): Mapping {
  const value = mapping[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}

/** Notes that stand there whatever is read. */
export const notTaken = {
  toConsul: 'It syncs nothing to Consul (toConsul is false): there is nothing to migrate.',
  toK8S: 'Not migrated: the sync from Consul to Kubernetes (toK8S).',
  ingress:
    'Not migrated: addresses of Ingresses (ingress.enabled). The Services get other addresses. An annotated Ingress can be registered itself: see routes.md.',
  mirroring:
    'Not migrated: mirroring of namespaces (Consul Enterprise). All instances go into one namespace.',
  address: 'Add config.consul.addresses, the addresses of Consul.',
  credentials: 'Add consulCredentials or config.consul.acl if Consul requires a token, and caBundle for TLS.',
  interval: (interval: string) =>
    `It writes every ${interval} (consulWriteInterval): run --finish with --write-interval ${interval}.`,
} as const;
