import { expand, type Placeholders, placeholders } from './placeholders.ts';

/** The tags that every instance has, whatever its annotations say. */
export type BaseTags = (places: Placeholders) => readonly string[];

/** Those that hold no text of a tenant: rules for tags do not apply to base tags. */
const usable: ReadonlySet<string> = new Set([
  'pod.namespace',
  'node.name',
  'node.zone',
  'node.region',
  'cluster.name',
]);

/** Why the text cannot be a base tag; undefined when it can. */
export function baseTagMistake(tag: string): string | undefined {
  const known = placeholders.map(({ name }) => name).filter((name) => usable.has(name));
  const rest = tag.replaceAll(/\{([^{}]*)\}/g, (match, name: string) => (usable.has(name) ? '' : match));
  return /[{}]/.test(rest)
    ? `contains an unknown placeholder; valid are ${known.map((name) => `{${name}}`).join(', ')}`
    : undefined;
}

/** A tag whose placeholder has no value, such as the zone of a node without one, is left out. */
export function createBaseTags(tags: readonly string[]): BaseTags | undefined {
  if (tags.length === 0) return undefined;
  return (places) =>
    tags.flatMap((tag) => {
      const { text, mistakes } = expand(tag, places, { field: '', strict: false });
      return mistakes.length > 0 ? [] : [text];
    });
}
