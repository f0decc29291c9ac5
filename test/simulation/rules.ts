/** The rules for names, tags and meta in every simulated configuration, and what they have to make of an instance. */
export const rules = {
  registration: { literalAddresses: ['203.0.113.0/24', '*.lb.example'] },
  naming: { template: 'k8s-{name}-{namespace}' },
  baseTags: ['simulated'],
  labels: { toTags: [{ label: 'tr*k', tag: '{name}-{value}' }], toMeta: [{ label: 'app', key: 'app' }] },
} as const;

type Labels = Readonly<Record<string, string>>;

export const nameByRule = (name: string, namespace: string): string => `k8s-${name}-${namespace}`;

export const tagsByRule = (own: readonly string[], { track }: Labels): readonly string[] =>
  [...new Set([...own, 'simulated', ...(track === undefined ? [] : [`track-${track}`])])].sort();
