import * as z from 'zod';
import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import { jittered, type Random } from '../lib/random.ts';
import { Secret } from '../lib/secret.ts';
import { unlessAborted } from '../lib/unless-aborted.ts';
import type { Logger } from '../logging/logger.ts';
import type { ConsulApi, Invoke } from './consul-api.ts';
import { checked } from './schemas.ts';

export interface AclLoginOptions {
  /** Without a token. */
  readonly api: ConsulApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Name of the auth method, of type `kubernetes` or `jwt`. */
  readonly authMethod: string;
  /** Gives the bearer token; asked at every login, for its file is renewed by others. */
  readonly bearer: () => Promise<Secret>;
  /** Shown beside the token in Consul. */
  readonly meta: Readonly<Record<string, string>>;
  /** After every attempt. */
  readonly onLogin?: (result: 'ok' | 'failed') => void;
}

interface Login {
  readonly token: Secret;
  /** Monotonic, in milliseconds. */
  readonly at: number;
}

/** Go writes "no expiry" as a time in the year 1. */
const loginSchema = z.object({
  SecretID: z.string().min(1),
  CreateTime: z.string(),
  ExpirationTime: z.string().nullish(),
});

/** The answer holds a token and its rights, or a refusal. */
const maxBytes = 1024 * 1024;
/** At this share of its life a token is replaced. */
const renewShare = 2 / 3;
/** A token that lacks a right is replaced at most this often, in milliseconds. */
const deniedPauseMs = 60_000;

/**
 * The ACL token of a login (`/v1/acl/login`) with the pod's ServiceAccount token or another JWT:
 *
 * - the first who needs it logs in, and everybody else waits for the same login;
 * - a token with an expiry is replaced at two thirds of its life, by our own monotonic clock: of the server's
 *   times only the span between them is used;
 * - a token that Consul no longer knows is replaced at once, one that lacks a right at most once a minute,
 *   since the rules that bind rights to a login may have changed;
 * - at the end the token is destroyed (`/v1/acl/logout`).
 *
 * https://developer.hashicorp.com/consul/api-docs/acl#login-to-auth-method
 */
export class AclLogin {
  readonly #options: AclLoginOptions;
  readonly #backoff: Backoff;
  readonly #closed = new AbortController();
  #login: Login | undefined;
  #running: Promise<Secret> | undefined;
  #timer: Disposable | undefined;
  #failedWith: string | undefined;

  constructor(options: AclLoginOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ initialMs: 1_000, maxMs: 30_000, random: options.random });
  }

  /** The token, after a login if there is none. Rejects as the login does: `forbidden` when it is refused. */
  token(signal: AbortSignal): Promise<Secret> {
    return unlessAborted(
      this.#login === undefined ? this.#logInOnce() : Promise.resolve(this.#login.token),
      signal,
    );
  }

  /**
   * Another token than the one that was refused, or the same one when no better one is available.
   * `unknown`: Consul does not know the token, as opposed to that the token lacks a right.
   */
  async renew(refused: Secret, unknown: boolean, signal: AbortSignal): Promise<Secret> {
    const login = this.#login;
    if (login === undefined || login.token !== refused) return this.token(signal);
    if (unknown) return unlessAborted(this.#logInOnce(), signal);
    if (this.#options.clock.now() - login.at < deniedPauseMs) return refused;
    const renewed = await unlessAborted(this.#logInOnce(), signal);
    // Those who still wait with it are refused and come back with the new one.
    void this.#logOut(refused);
    return renewed;
  }

  /** Destroys the token. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#timer?.[Symbol.dispose]();
    await this.#running?.catch(() => {});
    if (this.#login !== undefined) await this.#logOut(this.#login.token);
    this.#login = undefined;
  }

  #logInOnce(): Promise<Secret> {
    this.#running ??= this.#logIn().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #logIn(): Promise<Secret> {
    const { api, clock, authMethod, bearer, meta, logger, onLogin } = this.#options;
    const startedAt = clock.now();
    try {
      const BearerToken = (await bearer()).reveal();
      const body = { AuthMethod: authMethod, BearerToken, Meta: meta };
      const post: Invoke = (consul, context) => consul._post({ ...context, path: '/acl/login', body });
      const options = { maxBytes, secrets: [BearerToken] };
      const answered = await api.call(post, this.#closed.signal, options);
      const answer = checked(loginSchema, answered.body, answered.what);
      const token = new Secret(answer.SecretID);
      this.#login = { token, at: startedAt };
      const lifeMs = spanOf(answer);
      if (lifeMs !== undefined) this.#schedule(jittered(lifeMs * renewShare, 0.05, this.#options.random));
      this.#backoff.reset();
      this.#failedWith = undefined;
      onLogin?.('ok');
      logger.info('logged in to Consul', { reason: 'AclLogin', authMethod, expiresInMs: lifeMs });
      return token;
    } catch (thrown) {
      if (!this.#closed.signal.aborted) this.#failed(RegistrarError.from(thrown));
      throw thrown;
    }
  }

  #failed(error: RegistrarError): void {
    const { authMethod, logger, onLogin } = this.#options;
    onLogin?.('failed');
    // The old token may still do.
    if (this.#login !== undefined) this.#schedule(this.#backoff.next(error.retryAfterMs));
    if (this.#failedWith === error.code) return;
    this.#failedWith = error.code;
    logger.error('cannot log in to Consul; retrying', {
      reason: 'AclLoginFailed',
      authMethod,
      code: error.code,
      error: describe(error),
      ...(error.code === 'forbidden'
        ? { hint: 'check the auth method, its binding rules and the audience of the bearer token' }
        : {}),
    });
  }

  #schedule(ms: number): void {
    this.#timer?.[Symbol.dispose]();
    if (this.#closed.signal.aborted) return;
    this.#timer = this.#options.clock.schedule(ms, () => void this.#logInOnce().catch(() => {}));
  }

  async #logOut(token: Secret): Promise<void> {
    const { api, logger } = this.#options;
    try {
      const post: Invoke = (consul, context) => consul._post({ ...context, path: '/acl/logout' });
      await api.call(post, neverAborted, { maxBytes, token });
    } catch (thrown) {
      logger.warn('cannot destroy the Consul token', {
        reason: 'AclLogoutFailed',
        error: describe(thrown),
      });
    }
  }
}

const neverAborted = new AbortController().signal;

/** How long the token lives, ms; undefined = for ever. */
function spanOf({ CreateTime, ExpirationTime }: z.output<typeof loginSchema>): number | undefined {
  const end = Date.parse(ExpirationTime ?? '');
  const start = Date.parse(CreateTime);
  return Number.isFinite(end) && Number.isFinite(start) && end > start ? end - start : undefined;
}
