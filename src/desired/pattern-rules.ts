import { folded, glob } from './glob.ts';

/** Rules for what namespaces may write, as patterns in which `*` stands for any text. */
export interface PatternRule {
  /** Names of namespaces; `*` stands for each of them. */
  readonly namespaces: readonly string[];
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** The pattern that denies the text to the namespace; undefined when it is allowed. */
export type PatternRules = (namespace: string, text: string) => string | undefined;

/**
 * The first rule for the namespace with a matching pattern decides; within a rule `deny` comes before `allow`. A text
 * that matches no pattern is allowed. Case does not matter, as in look-ups by Consul.
 */
export function createPatternRules(rules: readonly PatternRule[]): PatternRules {
  const compiled = rules.map(({ namespaces, allow, deny }) => ({
    isForAll: namespaces.includes('*'),
    namespaces: new Set(namespaces),
    deny: deny.map((pattern) => ({ pattern, fits: glob(pattern) })),
    allow: allow.map(glob),
  }));
  return (namespace, text) => {
    const name = folded(text);
    for (const rule of compiled) {
      if (!rule.isForAll && !rule.namespaces.has(namespace)) continue;
      const denied = rule.deny.find(({ fits }) => fits(name));
      if (denied !== undefined) return denied.pattern;
      if (rule.allow.some((fits) => fits(name))) return undefined;
    }
    return undefined;
  };
}
