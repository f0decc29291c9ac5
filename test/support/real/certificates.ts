/** Certificate authorities and certificates, made by Consul's own command. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireServers } from '../../servers/locate.ts';

const run = promisify(execFile);

/** PEM texts. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export class CertificateAuthority {
  /** PEM. */
  readonly cert: string;
  readonly #dir: string;
  readonly #consul: string;
  #issued = { server: 0, client: 0 };

  /** A new one, with its files in a directory of its own below `dir`. */
  static async create(dir: string): Promise<CertificateAuthority> {
    const { consul } = await requireServers(['consul']);
    const own = await mkdtemp(join(dir, 'ca-'));
    await run(consul, ['tls', 'ca', 'create'], { cwd: own });
    return new CertificateAuthority(own, consul, await readFile(join(own, 'consul-agent-ca.pem'), 'utf8'));
  }

  private constructor(dir: string, consul: string, cert: string) {
    this.#dir = dir;
    this.#consul = consul;
    this.cert = cert;
  }

  /** A server's is good for 127.0.0.1 and localhost. */
  async issue(kind: 'server' | 'client'): Promise<KeyPair> {
    await run(this.#consul, ['tls', 'cert', 'create', `-${kind}`], { cwd: this.#dir });
    const file = join(this.#dir, `dc1-${kind}-consul-${this.#issued[kind]++}`);
    return { cert: await readFile(`${file}.pem`, 'utf8'), key: await readFile(`${file}-key.pem`, 'utf8') };
  }
}
