import type { Declaration } from './declaration.ts';
import { mostUserKeys } from './meta.ts';
import { type Complaint, quote, warning } from './mistake.ts';
import type { DesiredOptions } from './options.ts';
import type { Placeholders } from './placeholders.ts';

/** What the configuration adds to every instance of one pod, or of one backend of a Service. */
export interface Additions {
  readonly tags: readonly string[];
  readonly meta: ReadonlyMap<string, string>;
  readonly mistakes: readonly Complaint[];
}

const none: Additions = { tags: [], meta: new Map(), mistakes: [] };

/** `labels`: those that count, see `LabelRules`. */
export function additionsOf(
  places: Placeholders,
  labels: () => Readonly<Record<string, string>>,
  { baseTags, labelRules }: DesiredOptions,
): Additions {
  if (baseTags === undefined && labelRules === undefined) return none;
  const { tags, meta, mistakes } = labelRules?.of(labels(), places.podNamespace) ?? none;
  return { tags: [...(baseTags?.(places) ?? []), ...tags], meta, mistakes };
}

/** The declaration with the additions. What its own annotations say wins, and Consul takes so many meta keys only. */
export function withAdditions(
  declaration: Declaration,
  { tags, meta }: Additions,
  report: (mistake: Complaint) => void,
): Declaration {
  if (tags.length === 0 && meta.size === 0) return declaration;
  const all = new Map(declaration.meta);
  const most = declaration['health-url'] === undefined ? mostUserKeys : mostUserKeys - 1;
  const leftOut: string[] = [];
  for (const [key, value] of meta) {
    if (all.has(key)) continue;
    if (all.size < most) all.set(key, value);
    else leftOut.push(key);
  }
  if (leftOut.length > 0) {
    const what = leftOut.slice(0, 3).map(quote).join(', ');
    const more = leftOut.length > 3 ? ` and ${leftOut.length - 3} more` : '';
    report(
      warning(
        '',
        `meta ${what}${more} from labels is left out: there are more than ${mostUserKeys} meta keys`,
      ),
    );
  }
  return { ...declaration, tags: [...new Set([...declaration.tags, ...tags])].sort(), meta: all };
}
