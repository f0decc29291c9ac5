import { Buffer } from 'node:buffer';
import { metaSetters } from './annotations.ts';
import { folded, glob } from './glob.ts';
import { refuseMetaKey } from './meta.ts';
import { type Complaint, quote, warning } from './mistake.ts';
import type { PatternRules } from './pattern-rules.ts';

/** Labels that become tags. `label` is a key in which `*` stands for any text. */
export interface LabelToTag {
  readonly label: string;
  /** The tag: `{value}`, `{key}`, and `{name}`, which is the key behind its slash. */
  readonly tag: string;
}

/** Labels that become meta. */
export interface LabelToMeta {
  readonly label: string;
  /** The meta key, of `{key}` and `{name}`. What Consul does not take in a key becomes `_`. */
  readonly key: string;
}

export interface LabelRulesOptions {
  readonly toTags: readonly LabelToTag[];
  readonly toMeta: readonly LabelToMeta[];
  /** What namespaces may not use. Labels are written by those who write annotations, so it counts for both. */
  readonly tagRules?: PatternRules;
  readonly metaRules?: PatternRules;
}

/** What labels add to the instances of an object. */
export interface FromLabels {
  /** Sorted, each once. */
  readonly tags: readonly string[];
  /** In the order of the keys. */
  readonly meta: ReadonlyMap<string, string>;
  /** What is left out, and why. */
  readonly mistakes: readonly Complaint[];
}

export interface LabelRules {
  /** Whether any rule uses labels of this key. */
  readonly uses: (key: string) => boolean;
  readonly of: (labels: Readonly<Record<string, string>>, namespace: string) => FromLabels;
}

/** How many labels of one object become tags, and how many meta. */
const most = 32;
/** In bytes: of a tag, and Consul's limit for a meta value. */
const longest = 512;

/**
 * Compiles the rules for labels; undefined when there are none. For each label the first rule that fits counts. What
 * Consul does not take, or the configuration denies to the namespace, is left out with a warning: labels are there for
 * other purposes, and an instance without one of their tags is better than no instance.
 */
export function createLabelRules({
  toTags,
  toMeta,
  tagRules,
  metaRules,
}: LabelRulesOptions): LabelRules | undefined {
  if (toTags.length + toMeta.length === 0) return undefined;
  const tagOf = firstFit(toTags);
  const metaOf = firstFit(toMeta);
  return {
    uses: (key) => tagOf(key) !== undefined || metaOf(key) !== undefined,
    of: (labels, namespace) => {
      const found = new Found(namespace);
      // Sorted, because the order of labels means nothing, and of two for one meta key the first gets it.
      for (const key of Object.keys(labels).sort()) {
        const value = labels[key]!;
        const tag = tagOf(key);
        if (tag !== undefined) found.addTag(key, fill(tag.tag, key, value).trim(), tagRules);
        const meta = metaOf(key);
        if (meta !== undefined) found.addMeta(key, metaKey(meta.key, key), value, metaRules);
      }
      return { tags: [...found.tags].sort(), meta: found.meta, mistakes: found.mistakes };
    },
  };
}

/** Why no label can become meta by this form of a key; undefined when some can. */
export const labelMetaMistake = (form: string): string | undefined => refuseKey(metaKey(form, 'x'));

const refuseKey = (key: string): string | undefined =>
  metaSetters.some((setter) => setter.metaKey === key)
    ? `meta key ${quote(key)} is for the annotation of that name; choose another`
    : refuseMetaKey(key);

class Found {
  readonly tags = new Set<string>();
  readonly meta = new Map<string, string>();
  readonly mistakes: Complaint[] = [];
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  addTag(label: string, tag: string, rules: PatternRules | undefined): void {
    // An empty label is as common as one with a value; it just makes no tag.
    if (tag === '' || this.tags.has(tag)) return;
    const why = refuseText(tag) ?? (this.tags.size >= most ? tooMany : undefined);
    if (why !== undefined) this.#leaveOut(label, `tag ${quote(tag)}`, why);
    else if (!this.#isDenied(label, `tag ${quote(tag)}`, rules?.(this.#namespace, tag))) this.tags.add(tag);
  }

  addMeta(label: string, key: string, value: string, rules: PatternRules | undefined): void {
    if (this.meta.has(key)) return;
    const why = refuseKey(key) ?? refuseText(value) ?? (this.meta.size >= most ? tooMany : undefined);
    if (why !== undefined) this.#leaveOut(label, `meta ${quote(key)}`, why);
    else if (!this.#isDenied(label, `meta key ${quote(key)}`, rules?.(this.#namespace, key)))
      this.meta.set(key, value);
  }

  #isDenied(label: string, what: string, pattern: string | undefined): boolean {
    if (pattern === undefined) return false;
    const why = `the configuration denies ${quote(pattern)} to namespace ${quote(this.#namespace)}`;
    this.mistakes.push({ ...leftOut(label, what, why), reason: 'AnnotationDenied' });
    return true;
  }

  #leaveOut(label: string, what: string, why: string): void {
    this.mistakes.push(leftOut(label, what, why));
  }
}

const tooMany = `labels of one object become at most ${most}`;

const leftOut = (label: string, what: string, why: string): Complaint =>
  warning('', `${what} of label ${quote(label)} is left out: ${why}`);

/** Why Consul, or UTF-8, does not take a text from a label; the API server allows only short and simple ones. */
function refuseText(text: string): string | undefined {
  if (Buffer.byteLength(text) > longest) return `it is longer than ${longest} bytes`;
  return /\p{Cc}/u.test(text) || !text.isWellFormed() ? 'it has a control character' : undefined;
}

/** The first rule whose pattern fits a key. */
function firstFit<Rule extends { readonly label: string }>(
  rules: readonly Rule[],
): (key: string) => Rule | undefined {
  const compiled = rules.map((rule) => ({ rule, fits: glob(rule.label) }));
  return (key) => {
    const name = folded(key);
    return compiled.find(({ fits }) => fits(name))?.rule;
  };
}

/** `app.kubernetes.io/name` is `name`, a key without a slash itself. */
const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);

const fill = (form: string, key: string, value: string): string =>
  form.replaceAll(/\{(key|name|value)\}/g, (_, which) =>
    which === 'value' ? value : which === 'name' ? nameOf(key) : key,
  );

const metaKey = (form: string, key: string): string => fill(form, key, '').replaceAll(/[^A-Za-z0-9_-]/g, '_');
