import { readFile } from 'node:fs/promises';
import { type ConnectionBudget, connectionBudget } from '../config/connection-budget.ts';
import type { LoadedConfig } from '../config/load.ts';
import { TlsFiles } from '../config/tls-files.ts';
import { TokenFile } from '../config/token-file.ts';
import { AclLogin } from '../consul/acl-login.ts';
import { AclLoginTransport } from '../consul/acl-login-transport.ts';
import { ConsulApi } from '../consul/consul-api.ts';
import { FailoverTransport } from '../consul/failover.ts';
import { SeparateTransport } from '../consul/separate-transport.ts';
import type { Clock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import { HttpTransport } from '../lib/http-transport.ts';
import type { Random } from '../lib/random.ts';
import { RotatingTransport } from '../lib/rotating-pool.ts';
import { Secret } from '../lib/secret.ts';
import type { Transport } from '../lib/transport.ts';
import type { Logger } from '../logging/logger.ts';

export interface ConsulAccessOptions {
  readonly loaded: LoadedConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Who logs in, as Consul shows it beside the token. */
  readonly identity: string;
  readonly onLogin?: (result: 'ok' | 'failed') => void;
}

/** Access to Consul: addresses, certificates, and a token from the configuration, from a file or from a login. */
export class ConsulAccess implements AsyncDisposable {
  readonly #options: ConsulAccessOptions;
  readonly #tls: TlsFiles;
  readonly #tokenFile: TokenFile | undefined;
  readonly #login: AclLogin | undefined;
  readonly #budget: ConnectionBudget;
  #opened: FailoverTransport | undefined;
  readonly #loginTransport: Transport | undefined;

  constructor(options: ConsulAccessOptions) {
    this.#options = options;
    const { loaded, clock, random, logger, identity, onLogin } = options;
    const { caFile, certFile, keyFile, tokenFile, acl, datacenter, namespace, partition, requestTimeout } =
      loaded.config.consul;
    this.#budget = connectionBudget(loaded.config.consul.connections, acl.authMethod !== undefined);
    this.#tls = new TlsFiles({
      files: { ca: caFile, cert: certFile, key: keyFile },
      initial: loaded.tls,
      clock,
      logger,
    });
    if (tokenFile !== undefined && loaded.token !== undefined) {
      this.#tokenFile = new TokenFile({ path: tokenFile, initial: loaded.token, clock, logger });
    }
    if (acl.authMethod === undefined) return;
    this.#loginTransport = this.#toServers((origin) => this.#connections(origin, this.#budget.logins));
    this.#login = new AclLogin({
      api: new ConsulApi({
        transport: this.#loginTransport,
        clock,
        datacenter,
        namespace,
        partition,
        timeoutMs: requestTimeout,
      }),
      clock,
      random,
      logger,
      authMethod: acl.authMethod,
      bearer: () => readBearer(acl.bearerTokenFile),
      meta: { component: 'kube-registrar', process: identity },
      ...(onLogin === undefined ? {} : { onLogin }),
    });
  }

  /** At most `consul.connections` to each server, together with those of a login. Closing it is the caller's. */
  open(): Transport {
    const { writes, reads, waits } = this.#budget;
    const calls = {
      writes: this.#toServers((origin) => this.#connections(origin, writes, writeIdleMs)),
      reads: this.#toServers((origin) => this.#connections(origin, reads)),
      waits: this.#toServers((origin) => this.#connections(origin, waits)),
    };
    this.#opened ??= calls.writes;
    const plain = new SeparateTransport(calls);
    return this.#login === undefined ? plain : new AclLoginTransport(plain, this.#login);
  }

  /** To the agent at an origin; otherwise as open(). */
  readonly openAgent = (origin: string): Transport => {
    const { serverName } = this.#options.loaded.config.registration.agent;
    const tls = () => this.#tls.current();
    const plain = new RotatingTransport(tls, ({ serverName: _servers, ...current }) => {
      const own = serverName === undefined ? current : { ...current, serverName };
      return new HttpTransport({ origin, tls: own, connections: agentConnections });
    });
    return this.#login === undefined ? plain : new AclLoginTransport(plain, this.#login);
  };

  /** Address of the server that the first opened transport uses now. */
  get server(): string {
    return this.#options.loaded.config.consul.addresses[this.#opened?.current ?? 0]!;
  }

  /** The configured token. Undefined when there is a login: its transport adds the token. */
  readonly token = (): Secret | undefined => this.#tokenFile?.current() ?? this.#options.loaded.token;

  /** Follows the files until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#tls.follow(signal), this.#tokenFile?.follow(signal)]);
  }

  /** Gives up the token of a login. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#login?.close();
    await this.#loginTransport?.close();
  }

  #toServers(open: (origin: string) => Transport): FailoverTransport {
    return new FailoverTransport(this.#options.loaded.config.consul.addresses.map(open));
  }

  #connections(origin: string, connections: number, idleMs?: number): Transport {
    const idle = idleMs === undefined ? {} : { idleMs };
    return new RotatingTransport(
      () => this.#tls.current(),
      (tls) => new HttpTransport({ origin, tls, connections, ...idle }),
    );
  }
}

/**
 * How long an idle connection for writes stays open, in milliseconds: as long as the network allows. A new one
 * could not be opened while other clients behind the same address use up its limit in Consul.
 */
const writeIdleMs = 86_400_000;

/** One for blocking queries, one for writes, one for reads. */
const agentConnections = 3;

async function readBearer(path: string): Promise<Secret> {
  let text = '';
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new RegistrarError('config', `the bearer token for the login cannot be read from ${path}`, {
      cause,
    });
  }
  if (text === '') throw new RegistrarError('config', `the bearer token's file ${path} is empty`);
  return new Secret(text);
}
