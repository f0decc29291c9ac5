import { folded, glob } from './glob.ts';
import { quote } from './mistake.ts';

/** Which namespaces may register which Consul service names. */
export interface Claim {
  /** Names of namespaces; `*` stands for each of them. */
  readonly namespaces: readonly string[];
  /** Exact, or with a `*` at the end for any rest; `{namespace}` stands for the namespace that registers. */
  readonly services: readonly string[];
}

/** Why a namespace may not register a name. */
export interface Denial {
  /** The claims that cover it, none of which is the namespace's; without any, the name is reserved. */
  readonly claims: readonly Claimed[];
}

export interface Claimed {
  /** Whose the name is; `*` when it is everybody's. */
  readonly namespace: string;
  /** As written. */
  readonly service: string;
}

/** Undefined when the namespace may register the name. */
export type Claims = (namespace: string, service: string) => Denial | undefined;

/** Names that others look up to find a control plane, and that its own parts register. */
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
 * - a reserved name is for nobody, unless a claim names it exactly, without `*` and `{namespace}`;
 * - any other name that no claim covers is free for all;
 * - a name that claims cover is for the namespaces of all those claims, and for nobody else.
 *
 * A pattern with `{namespace}` gives each name to one namespace only. `team-a-web` could be of `team` or of
 * `team-a` by `{namespace}-*`: it is of the longer one. With `*` for the namespaces every name that a namespace
 * could have counts, whether there is such a namespace or not, so that it does not depend on the moment and
 * nobody takes a name before its owner comes; with names of namespaces, those that any claim names beside this
 * very pattern.
 *
 * Names are compared without regard to case, as Consul does.
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

/** What to say to who is denied: who owns the name, and what to do. */
export function denialText(service: string, namespace: string, { claims }: Denial): string {
  if (claims.length === 0) {
    return (
      `service ${quote(service)} is a reserved name; use another one, or have a claim of that very name, or ` +
      `reservedNames without it, put into kube-registrar's configuration`
    );
  }
  const owners = [...new Set(claims.map(ownerText))];
  const shown = owners.slice(0, shownOwners).join(' and ');
  const more = owners.length > shownOwners ? ` and ${owners.length - shownOwners} more` : '';
  // The longer name of a namespace that there may not even be would be a riddle.
  const longer = claims.find(
    (claim) => claim.service.includes(placeholder) && claim.namespace.startsWith(`${namespace}-`),
  );
  const why = longer === undefined ? '' : ', because the longest namespace that it could be of counts';
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
  /** Whose the name is by this rule: a namespace, `*` for all, undefined when the rule does not cover it. */
  ownerOf(name: string): string | undefined;
}

function rulesOf(table: readonly Claim[]): Rule[] {
  const rules: Rule[] = [];
  /** Namespaces beside each pattern that depends on them. */
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

/** The longest of these namespaces that the pattern may mean in a name. */
function longestOf(pattern: string, namespaces: ReadonlySet<string>): Rule['ownerOf'] {
  const candidates = [...namespaces]
    .sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
    .map((namespace) => ({ namespace, fits: glob(pattern.replaceAll(placeholder, namespace)) }));
  return (name) => candidates.find(({ fits }) => fits(name))?.namespace;
}

/** The longest text that could be a namespace and that the pattern may mean in a name. */
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

/** RFC 1123 label, as Kubernetes wants it. */
const isNamespace = (text: string): boolean =>
  text.length <= 63 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(text);
