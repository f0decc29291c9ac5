import { HttpError } from './http.ts';

export type Access = 'deny' | 'read' | 'list' | 'write';
type Named = Readonly<Record<string, { readonly policy: Access }>>;
type Resource = 'node' | 'service' | 'key' | 'session' | 'agent';

/**
 * The rules of a policy in Consul's JSON form: `{"node_prefix": {"": {"policy": "read"}}}`. An exact rule
 * wins over a prefix, a longer prefix over a shorter one, and of two policies for the same name `deny` wins.
 */
export interface AclRules {
  readonly node?: Named;
  readonly node_prefix?: Named;
  readonly service?: Named;
  readonly service_prefix?: Named;
  readonly key?: Named;
  readonly key_prefix?: Named;
  readonly session?: Named;
  readonly session_prefix?: Named;
  readonly agent?: Named;
  readonly agent_prefix?: Named;
  readonly acl?: Access;
  readonly operator?: Access;
}

export const anonymousAccessor = '00000000-0000-0000-0000-000000000002';
const order: readonly Access[] = ['list', 'read', 'write', 'deny'];

/** What a token may do. `mayX` filter reads, `requireX` refuse with 403. */
export class Authorizer {
  readonly #accessorId: string;
  readonly #rules: readonly AclRules[];
  readonly #otherwise: Access;

  /** `otherwise`: what holds where no rule speaks: the default policy, or `write` for management tokens. */
  constructor(accessorId: string, rules: readonly AclRules[], otherwise: Access) {
    this.#accessorId = accessorId;
    this.#rules = rules;
    this.#otherwise = otherwise;
  }

  mayRead(resource: Resource, name: string): boolean {
    const access = this.#access(resource, name);
    return access === 'read' || access === 'write' || access === 'list';
  }

  requireRead(resource: Resource, name: string): void {
    if (!this.mayRead(resource, name)) throw this.#denied(resource, 'read', name);
  }

  requireWrite(resource: Resource, name: string): void {
    const reason = this.refuseWrite(resource, name);
    if (reason !== undefined) throw new HttpError(403, reason);
  }

  /** Why a write is refused, for transactions, which report it for each operation. */
  refuseWrite(resource: Resource, name: string): string | undefined {
    return this.#access(resource, name) === 'write'
      ? undefined
      : this.#denied(resource, 'write', name).message;
  }

  refuseRead(resource: Resource, name: string): string | undefined {
    return this.mayRead(resource, name) ? undefined : this.#denied(resource, 'read', name).message;
  }

  requireAcl(access: 'read' | 'write'): void {
    this.#requireGlobal('acl', access);
  }

  requireOperator(access: 'read' | 'write'): void {
    this.#requireGlobal('operator', access);
  }

  #requireGlobal(resource: 'acl' | 'operator', wanted: 'read' | 'write'): void {
    const given = this.#rules.map((rules) => rules[resource]).filter((access) => access !== undefined);
    const access = strongest(given) ?? this.#otherwise;
    if (access !== 'write' && !(wanted === 'read' && access === 'read'))
      throw this.#denied(resource, wanted, '');
  }

  #access(resource: Resource, name: string): Access {
    const exact = this.#rules
      .map((rules) => rules[resource]?.[name]?.policy)
      .filter((access) => access !== undefined);
    if (exact.length > 0) return strongest(exact)!;
    let longest = -1;
    let found: Access[] = [];
    for (const rules of this.#rules) {
      for (const [prefix, { policy }] of Object.entries(rules[`${resource}_prefix`] ?? {})) {
        if (!name.startsWith(prefix) || prefix.length < longest) continue;
        if (prefix.length > longest) found = [];
        longest = prefix.length;
        found.push(policy);
      }
    }
    return strongest(found) ?? this.#otherwise;
  }

  #denied(resource: string, access: string, name: string): HttpError {
    const anonymous = this.#accessorId === anonymousAccessor;
    const who = anonymous ? 'anonymous token' : `token with AccessorID '${this.#accessorId}'`;
    const what = name === '' ? '' : ` on ${JSON.stringify(name)}`;
    const hint = anonymous
      ? '. The anonymous token is used implicitly when a request does not specify a token.'
      : '';
    return new HttpError(
      403,
      `Permission denied: ${who} lacks permission '${resource}:${access}'${what}${hint}`,
    );
  }
}

function strongest(accesses: readonly Access[]): Access | undefined {
  return [...accesses].sort((a, b) => order.indexOf(b) - order.indexOf(a))[0];
}
