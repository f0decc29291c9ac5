import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../lib/clock.ts';
import { describe } from '../lib/errors.ts';
import type { TlsOptions } from '../lib/http-transport.ts';
import { forever } from '../lib/retry.ts';
import type { Logger } from '../logging/logger.ts';

export interface TlsFilesOptions {
  /** Paths; absent ones are not followed. */
  readonly files: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
  /** As they were read when the configuration was loaded. */
  readonly initial: TlsOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gives the text of a file. Default: reads it. */
  readonly read?: (path: string) => Promise<string>;
}

/** How often the files are read, in milliseconds. */
const intervalMs = 10_000;

/**
 * Certificates in files that other programs renew. While a file cannot be read, or certificate and key do not
 * match because only one is renewed yet, the last good ones stay.
 */
export class TlsFiles {
  readonly #options: TlsFilesOptions;
  #current: TlsOptions;
  #isUsable = true;

  constructor(options: TlsFilesOptions) {
    this.#options = options;
    this.#current = options.initial;
  }

  /** The same object for as long as nothing has changed. */
  current(): TlsOptions {
    return this.#current;
  }

  /** Reads the files at intervals until the signal aborts, then resolves; never rejects. */
  async follow(signal: AbortSignal): Promise<void> {
    const { files, clock } = this.#options;
    if (Object.values(files).every((path) => path === undefined)) return;
    await forever(async () => {
      await clock.sleep(intervalMs, signal);
      await this.#refresh();
    }, signal);
  }

  async #refresh(): Promise<void> {
    const { files, logger, read = (file) => readFile(file, 'utf8') } = this.#options;
    const texts: { ca?: string; cert?: string; key?: string } = {};
    try {
      for (const kind of ['ca', 'cert', 'key'] as const) {
        const path = files[kind];
        if (path !== undefined) texts[kind] = await read(path);
      }
      if ((['ca', 'cert', 'key'] as const).every((kind) => texts[kind] === this.#current[kind])) {
        this.#isUsable = true;
        return;
      }
      createSecureContext(texts);
    } catch (thrown) {
      if (this.#isUsable) {
        logger.warn('cannot use the new certificates for Consul; keeping the last ones', {
          reason: 'CertificatesUnusable',
          files,
          error: describe(thrown),
        });
      }
      this.#isUsable = false;
      return;
    }
    this.#isUsable = true;
    this.#current = { ...this.#current, ...texts };
    logger.info('certificates for Consul renewed', { reason: 'CertificatesRenewed', files });
  }
}
