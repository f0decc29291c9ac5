import { quote } from './mistake.ts';

/** Which namespaces may register which Consul service names. */
export interface Claim {
  /** Names of namespaces; `*` stands for each of them. */
  readonly namespaces: readonly string[];
  /** Exact, or with a `*` at the end for any rest; `{namespace}` stands for the namespace that registers. */
  readonly services: readonly string[];
}

/** Why a namespace may not register a name: the claims that cover it, none of which names the namespace. */
export interface Denial {
  readonly claims: readonly Claimed[];
}

export interface Claimed {
  readonly namespace: string;
  /** As written. */
  readonly service: string;
}

/** Undefined when the namespace may register the name. */
export type Claims = (namespace: string, service: string) => Denial | undefined;

/**
 * The rules of a claim table:
 *
 * - a name that no claim covers is free for all;
 * - a name that claims cover is for the namespaces of all those claims, and for nobody else.
 *
 * Names are compared without regard to case, as Consul does.
 */
export function createClaims(table: readonly Claim[]): Claims {
  const rules = table.flatMap(({ namespaces, services }) =>
    namespaces.flatMap((namespace) =>
      services.map((service) => ({ namespace, service, ...rule(namespace, service) })),
    ),
  );
  return (namespace, service) => {
    const name = service.toLowerCase();
    const covering = rules.filter((each) => each.covers(name));
    if (covering.length === 0 || covering.some((each) => each.allows(namespace, name))) return undefined;
    return { claims: covering.map((each) => ({ namespace: each.namespace, service: each.service })) };
  };
}

/** What to say to who is denied: who owns the name, and what to do. */
export function denialText(service: string, namespace: string, { claims }: Denial): string {
  const owners = [...new Set(claims.map(ownerText))];
  const shown = owners.slice(0, shownOwners).join(' and ');
  const more = owners.length > shownOwners ? ` and ${owners.length - shownOwners} more` : '';
  return (
    `service ${quote(service)} is claimed by ${shown}${more}, not by namespace ${quote(namespace)}; ` +
    `use another name, or have the claims in kube-registrar's configuration changed`
  );
}

const shownOwners = 3;

const ownerText = ({ namespace, service }: Claimed): string =>
  namespace === anyNamespace
    ? `the namespace that ${quote(service)} names`
    : `namespace ${quote(namespace)} (claim ${quote(service)})`;

const anyNamespace = '*';
const placeholder = '{namespace}';

interface Rule {
  /** Whether the name is one that this claim speaks of. */
  covers(name: string): boolean;
  allows(namespace: string, name: string): boolean;
}

function rule(namespace: string, service: string): Rule {
  const pattern = service.toLowerCase();
  if (namespace !== anyNamespace) {
    const fits = matcher(pattern.replaceAll(placeholder, namespace));
    return { covers: fits, allows: (who, name) => who === namespace && fits(name) };
  }
  if (!pattern.includes(placeholder)) return { covers: matcher(pattern), allows: () => true };
  const covered = anyNamespacePattern(pattern);
  return {
    covers: (name) => covered.test(name),
    allows: (who, name) => matcher(pattern.replaceAll(placeholder, who))(name),
  };
}

function matcher(pattern: string): (name: string) => boolean {
  if (!pattern.endsWith('*')) return (name) => name === pattern;
  const prefix = pattern.slice(0, -1);
  return (name) => name.startsWith(prefix);
}

/** Fits the names that some namespace could have; the same one where the placeholder stands twice. */
function anyNamespacePattern(pattern: string): RegExp {
  const label = '([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)';
  const [start = '', ...rest] = pattern.replace(/\*$/, '').split(placeholder).map(escaped);
  const tail = rest.map((text, index) => `${index === 0 ? label : '\\1'}${text}`).join('');
  return new RegExp(`^${start}${tail}${pattern.endsWith('*') ? '' : '$'}`);
}

const escaped = (text: string): string => text.replace(/[^a-z0-9]/g, '\\$&');
