import { readFile } from 'node:fs/promises';
import type { Clock } from '../lib/clock.ts';
import { describe } from '../lib/errors.ts';
import { forever } from '../lib/retry.ts';
import { Secret } from '../lib/secret.ts';
import type { Logger } from '../logging/logger.ts';

export interface TokenFileOptions {
  readonly path: string;
  /** What the file held when the configuration was loaded. */
  readonly initial: Secret;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gives the text of the file. Default: reads it. */
  readonly read?: (path: string) => Promise<string>;
}

/**
 * How often the file is read, in milliseconds. It is not watched: kubelet and Vault replace such files by
 * renaming, which file watchers lose.
 */
const intervalMs = 10_000;

/** The token in a file that other programs renew. A file that cannot be read or is empty leaves the last token. */
export class TokenFile {
  readonly #options: TokenFileOptions;
  #token: Secret;
  #readable = true;

  constructor(options: TokenFileOptions) {
    this.#options = options;
    this.#token = options.initial;
  }

  current(): Secret {
    return this.#token;
  }

  /** Reads the file at intervals until the signal aborts, then resolves; never rejects. */
  async follow(signal: AbortSignal): Promise<void> {
    await forever(async () => {
      await this.#options.clock.sleep(intervalMs, signal);
      await this.#refresh();
    }, signal);
  }

  async #refresh(): Promise<void> {
    const { path, logger, read = (file) => readFile(file, 'utf8') } = this.#options;
    let text = '';
    let error = 'the file is empty';
    try {
      text = (await read(path)).trim();
    } catch (thrown) {
      error = describe(thrown);
    }
    if (text === '') {
      if (this.#readable)
        logger.warn('cannot use the token file; keeping the last token', {
          reason: 'TokenFileUnreadable',
          path,
          error,
        });
      this.#readable = false;
      return;
    }
    this.#readable = true;
    if (text === this.#token.reveal()) return;
    this.#token = new Secret(text);
    logger.info('Consul token renewed', { reason: 'TokenRenewed', path });
  }
}
