import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { type Access, type AclRules, Authorizer, anonymousAccessor } from './authorizer.ts';
import { HttpError } from './http.ts';
import { uuid } from './uuid.ts';

export interface AclPolicy {
  readonly ID: string;
  readonly Name: string;
  readonly rules: AclRules;
  /** The rules as they were sent. */
  readonly text: string;
}

export interface AclToken {
  readonly AccessorID: string;
  readonly SecretID: string;
  readonly Description: string;
  /** Names of policies. */
  readonly policies: readonly string[];
  readonly authMethod?: string;
  /** Wall-clock milliseconds; none = never. */
  readonly expires?: number;
  readonly created: number;
}

/** What a login with a bearer token gives: policies by name, or undefined = refused. */
export type AuthMethod = (bearerToken: string) => readonly string[] | undefined;

export interface AclOptions {
  /** What a token may do where no rule speaks. Default `deny`. */
  readonly defaultPolicy?: 'allow' | 'deny';
  /** Secret of a token that may do everything. */
  readonly managementToken: string;
  /** Auth methods for `acl/login`, by name. Default none. */
  readonly authMethods?: Readonly<Record<string, AuthMethod>>;
  /** How long a token from a login lives, in milliseconds. Default: for ever. */
  readonly loginTtlMs?: number;
}

export const managementPolicy = 'global-management';

/** Tokens and policies. With `options` undefined ACLs are off: every token, known or not, may do everything. */
export class Acl {
  readonly #options: AclOptions | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tokens = new Map<string, AclToken>();
  readonly #policies = new Map<string, AclPolicy>();
  /** Told the topic of a token that is no more. */
  onRevoke: ((topic: string) => void) | undefined;

  constructor(options: AclOptions | undefined, clock: Clock, random: Random) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.setPolicy(managementPolicy, {}, '');
    if (options !== undefined)
      this.createToken({ secret: options.managementToken, policies: [managementPolicy] });
  }

  get enabled(): boolean {
    return this.#options !== undefined;
  }

  get defaultPolicy(): 'allow' | 'deny' {
    return this.#options === undefined ? 'allow' : (this.#options.defaultPolicy ?? 'deny');
  }

  /** What this token may do; 403 `ACL not found` for one that is unknown, revoked or expired. */
  resolve(secret: string): Authorizer {
    if (this.#options === undefined) return new Authorizer('', [], 'write');
    const otherwise: Access = this.defaultPolicy === 'allow' ? 'write' : 'deny';
    if (secret === '') return new Authorizer(anonymousAccessor, [], otherwise);
    const token = this.token(secret);
    if (token === undefined) throw new HttpError(403, 'ACL not found');
    if (token.policies.includes(managementPolicy)) return new Authorizer(token.AccessorID, [], 'write');
    const rules = token.policies.flatMap((name) => this.#policies.get(name)?.rules ?? []);
    return new Authorizer(token.AccessorID, rules, otherwise);
  }

  token(secret: string): AclToken | undefined {
    const token = this.#tokens.get(secret);
    return token?.expires !== undefined && token.expires <= this.#clock.wall() ? undefined : token;
  }

  policy(name: string): AclPolicy | undefined {
    return this.#policies.get(name);
  }

  setPolicy(name: string, rules: AclRules, text: string): AclPolicy {
    const policy = { ID: this.#policies.get(name)?.ID ?? uuid(this.#random), Name: name, rules, text };
    this.#policies.set(name, policy);
    return policy;
  }

  createToken(options: {
    readonly policies: readonly string[];
    readonly secret?: string;
    readonly description?: string;
    readonly authMethod?: string;
    readonly expires?: number;
  }): AclToken {
    const { policies, secret, description = '', authMethod, expires } = options;
    const token: AclToken = {
      AccessorID: uuid(this.#random),
      SecretID: secret || uuid(this.#random),
      Description: description,
      policies,
      ...(authMethod === undefined ? {} : { authMethod }),
      ...(expires === undefined ? {} : { expires }),
      created: this.#clock.wall(),
    };
    this.#tokens.set(token.SecretID, token);
    return token;
  }

  /** The token is unknown from now on. */
  revoke(secret: string): void {
    this.#tokens.delete(secret);
    this.onRevoke?.(this.topic(secret));
  }

  revokeAccessor(accessorId: string): void {
    const token = [...this.#tokens.values()].find(({ AccessorID }) => AccessorID === accessorId);
    if (token !== undefined) this.revoke(token.SecretID);
  }

  /** What those wait on who must know when the token goes. */
  topic(secret: string): string {
    return `token/${secret}`;
  }

  /** Whether requests with this token are answered at all. */
  knows(secret: string): boolean {
    return !this.enabled || secret === '' || this.token(secret) !== undefined;
  }

  /** A new token for a bearer token; 403 when the method is unknown or refuses it. */
  login(method: string, bearerToken: string): AclToken {
    const policies = this.#options?.authMethods?.[method]?.(bearerToken);
    if (this.#options?.authMethods?.[method] === undefined) {
      throw new HttpError(403, `ACL not found: auth method "${method}" not found`);
    }
    if (policies === undefined) throw new HttpError(403, 'Permission denied');
    const ttl = this.#options.loginTtlMs;
    return this.createToken({
      policies,
      description: 'token created via login',
      authMethod: method,
      ...(ttl === undefined ? {} : { expires: this.#clock.wall() + ttl }),
    });
  }
}
