import { folded, glob } from './glob.ts';
import { quote } from './mistake.ts';

/** Which namespaces may register which Consul service names. */
export interface Claim {
  /** Names of namespaces; `*` stands for each of them. */
  readonly namespaces: readonly string[];
  /** An exact name, or one with `*` at the end for any rest; `{namespace}` stands for the registering namespace. */
  readonly services: readonly string[];
}

/** Why a namespace may not register a name. */
export interface Denial {
  /** The claims that cover the name, none of which belongs to the namespace. When empty, the name is reserved. */
  readonly claims: readonly Claimed[];
}

export interface Claimed {
  /** The owner of the name; `*` for every namespace. */
  readonly namespace: string;
  /** As written. */
  readonly service: string;
}

/** Returns undefined when the namespace may register the name. */
export type Claims = (namespace: string, service: string) => Denial | undefined;

/** Names by which others find a control plane, and which its own parts register. */
export const defaultReservedNames: readonly string[] = [
  'consul',
  'consul-esm',
  'consul-snapshot',
  'kube-registrar',
  'nomad',
  'nomad-client',
  'vault',
];

/**
 * The rules of a claim table and of reserved names:
 *
 * - a reserved name may be registered by nobody, unless a claim names it exactly, without `*` and `{namespace}`;
 * - any other name that no claim covers may be registered by all namespaces;
 * - a name that claims cover may be registered by the namespaces of these claims only.
 *
 * A pattern with `{namespace}` gives each name to one namespace only. With `{namespace}-*`, `team-a-web` could belong
 * to `team` or to `team-a`; it belongs to the longer one. Where a claim is for all namespaces (`*`), every namespace
 * that could have the name counts, whether it exists or not; the answer then does not change over time, and nobody
 * takes a name before its owner comes. Where a claim lists namespaces, those that any claim lists for this pattern
 * count.
 *
 * The case of names does not matter, as in Consul.
 */
export function createClaims(table: readonly Claim[], reserved: readonly string[] = []): Claims {
  const rules = rulesOf(table);
  const isReserved = reserved.map(glob);
  return (namespace, service) => {
    const name = folded(service);
    const covering = rules.flatMap((rule) => {
      const owner = rule.ownerOf(name);
      return owner === undefined ? [] : [{ rule, owner }];
    });
    const counting = isReserved.some((fits) => fits(name))
      ? covering.filter(({ rule }) => rule.pattern === name)
      : covering;
    if (counting.some(({ owner }) => owner === namespace || owner === anyNamespace)) return undefined;
    if (counting.length > 0) {
      const claims = counting.map(({ rule, owner }) => ({ namespace: owner, service: rule.written }));
      return { claims };
    }
    return counting === covering ? undefined : { claims: [] };
  };
}

/** The message for a denied namespace: who owns the name, and what to do. */
export function denialText(service: string, namespace: string, { claims }: Denial): string {
  if (claims.length === 0) {
    return (
      `service ${quote(service)} is a reserved name; use another one, or have a claim for exactly this name, or ` +
      `reservedNames without it, added to kube-registrar's configuration`
    );
  }
  const owners = [...new Set(claims.map(ownerText))];
  const shown = owners.slice(0, shownOwners).join(' and ');
  const more = owners.length > shownOwners ? ` and ${owners.length - shownOwners} more` : '';
  // An owner with a longer name, which may not even exist, needs an explanation.
  const longer = claims.find(
    (claim) => claim.service.includes(placeholder) && claim.namespace.startsWith(`${namespace}-`),
  );
  const why = longer === undefined ? '' : ', because a name belongs to the longest namespace that matches it';
  return (
    `service ${quote(service)} is claimed by ${shown}${more}, not by namespace ${quote(namespace)}${why}; ` +
    `use another name, or have the claims in kube-registrar's configuration changed`
  );
}

const shownOwners = 3;

const ownerText = ({ namespace, service }: Claimed): string =>
  `namespace ${quote(namespace)} (claim ${quote(service)})`;

const anyNamespace = '*';
const placeholder = '{namespace}';

interface Rule {
  /** In lower case, `{namespace}` included. */
  readonly pattern: string;
  readonly written: string;
  /** The owner of the name by this rule: a namespace, `*` for all, undefined when the rule does not cover the name. */
  ownerOf(name: string): string | undefined;
}

function rulesOf(table: readonly Claim[]): Rule[] {
  const rules: Rule[] = [];
  /** The namespaces listed for each pattern that depends on them. */
  const dependent = new Map<string, { written: string; namespaces: Set<string> }>();
  for (const { namespaces, services } of table) {
    for (const written of services) {
      const pattern = folded(written);
      if (!pattern.includes(placeholder)) {
        const fits = glob(pattern);
        for (const namespace of namespaces) {
          rules.push({ pattern, written, ownerOf: (name) => (fits(name) ? namespace : undefined) });
        }
        continue;
      }
      const known = dependent.get(pattern) ?? { written, namespaces: new Set() };
      dependent.set(pattern, known);
      for (const namespace of namespaces) known.namespaces.add(namespace);
    }
  }
  for (const [pattern, { written, namespaces }] of dependent) {
    const ownerOf = namespaces.has(anyNamespace) ? longestPossible(pattern) : longestOf(pattern, namespaces);
    rules.push({ pattern, written, ownerOf });
  }
  return rules;
}

/** The longest of these namespaces that the pattern can stand for in a name. */
function longestOf(pattern: string, namespaces: ReadonlySet<string>): Rule['ownerOf'] {
  const candidates = [...namespaces]
    .sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
    .map((namespace) => ({ namespace, fits: glob(pattern.replaceAll(placeholder, namespace)) }));
  return (name) => candidates.find(({ fits }) => fits(name))?.namespace;
}

/** The longest text that could be a namespace and that the pattern can stand for in a name. */
function longestPossible(pattern: string): Rule['ownerOf'] {
  const [start = '', behind = ''] = pattern.split(placeholder);
  const [next = ''] = behind.split('*');
  return (name) => {
    for (let end = name.length; end > start.length; end -= 1) {
      if (!name.startsWith(next, end)) continue;
      const namespace = name.slice(start.length, end);
      if (isNamespace(namespace) && glob(pattern.replaceAll(placeholder, namespace))(name)) return namespace;
    }
    return undefined;
  };
}

/** An RFC 1123 label, as Kubernetes requires. */
const isNamespace = (text: string): boolean =>
  text.length <= 63 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(text);
