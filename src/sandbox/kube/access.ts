import { type DraftObject, isRecord } from './object.ts';
import { forbidden, unauthorized } from './status.ts';

/** What a user may do, as a rule of a Role or ClusterRole; `*` stands for everything. */
export interface AccessRule {
  readonly verbs: readonly string[];
  /** '' is the core group. */
  readonly apiGroups: readonly string[];
  /** With the subresource where it is meant: `pods/status`. */
  readonly resources: readonly string[];
  /** Only in these namespaces; cluster-wide when left out. */
  readonly namespaces?: readonly string[];
}

/** What is to be done, as the authorizer sees it. */
export interface Action {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Empty for all namespaces and for what has none. */
  readonly namespace: string;
  readonly name: string;
}

export const admin = 'admin';

/** Who may do what. Knows one user from the start, `admin`, who may do everything. */
export class AccessTable {
  readonly #rules = new Map<string, readonly AccessRule[]>([
    [admin, [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]],
  ]);
  readonly #tokens = new Map<string, string>();

  /** Sets everything a user may do, from now on; an empty list takes all rights away. */
  grant(user: string, rules: readonly AccessRule[]): void {
    this.#rules.set(user, rules);
  }

  addToken(token: string, user: string): void {
    this.#tokens.set(token, user);
  }

  revokeToken(token: string): void {
    this.#tokens.delete(token);
  }

  /** The user of an Authorization header. Without one it is `admin`; a token nobody has throws a 401. */
  authenticate(authorization: string | undefined): string {
    if (authorization === undefined) return admin;
    const token = /^Bearer (.+)$/i.exec(authorization)?.[1] ?? '';
    const user = this.#tokens.get(token);
    if (user === undefined) throw unauthorized();
    return user;
  }

  allowed(user: string, action: Action): boolean {
    return (this.#rules.get(user) ?? []).some((rule) => covers(rule, action));
  }

  /** Throws a 403 unless the user may do this. */
  authorize(user: string, action: Action): void {
    if (!this.allowed(user, action)) throw forbidden({ user, ...action });
  }

  /** The answer to a SelfSubjectAccessReview: the request with its status filled in. */
  review(user: string, request: DraftObject): DraftObject {
    const spec = isRecord(request['spec']) ? request['spec'] : {};
    const asked = isRecord(spec['resourceAttributes']) ? spec['resourceAttributes'] : {};
    const text = (field: string) => (typeof asked[field] === 'string' ? asked[field] : '');
    const subresource = text('subresource');
    const allowed = this.allowed(user, {
      verb: text('verb'),
      group: text('group'),
      resource: subresource === '' ? text('resource') : `${text('resource')}/${subresource}`,
      namespace: text('namespace'),
      name: text('name'),
    });
    return { ...request, status: allowed ? { allowed, reason: `granted to user "${user}"` } : { allowed } };
  }
}

function covers(rule: AccessRule, { verb, group, resource, namespace }: Action): boolean {
  const has = (list: readonly string[], value: string) => list.includes('*') || list.includes(value);
  return (
    has(rule.verbs, verb) &&
    has(rule.apiGroups, group) &&
    has(rule.resources, resource) &&
    (rule.namespaces === undefined || rule.namespaces.includes(namespace))
  );
}
