import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { describe } from '../lib/errors.ts';
import type { TlsOptions } from '../lib/http-transport.ts';
import { whyUnreadable } from '../lib/read-file.ts';
import { Secret } from '../lib/secret.ts';
import type { Merged } from './merge.ts';
import { valueAt } from './source.ts';

/** The content of the files that a configuration names. */
export interface ConfigFiles {
  /** Without `verify` and `serverName`, which are no files. */
  readonly tls: Pick<TlsOptions, 'ca' | 'cert' | 'key'>;
  readonly token: Secret | undefined;
}

/** Reads the files a configuration names; what is wrong with them is added to `mistakes`. */
export async function readConfigFiles({ value, origin }: Merged, mistakes: string[]): Promise<ConfigFiles> {
  const read = async (key: string): Promise<string | undefined> => {
    const name = valueAt(value, key.split('.'));
    if (typeof name !== 'string' || name === '') return undefined;
    try {
      return await readFile(name, 'utf8');
    } catch (thrown) {
      mistakes.push(`${origin(key)}: cannot read "${name}": ${whyUnreadable(thrown)}`);
      return undefined;
    }
  };
  const ca = await read('consul.caFile');
  const cert = await read('consul.certFile');
  const key = await read('consul.keyFile');
  const token = await read('consul.tokenFile');
  // Only checks that it can be read; the client that connects with it reads the content.
  await read('kubernetes.kubeconfig');

  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
    mistakes.push(`${origin('consul.caFile')}: holds no certificate; give a PEM file`);
  }
  if (cert !== undefined && key !== undefined) {
    try {
      createSecureContext({ cert, key });
    } catch (thrown) {
      mistakes.push(
        `${origin('consul.certFile')}: this certificate and its key are not usable together: ${describe(thrown)}`,
      );
    }
  }
  if (token?.trim() === '') {
    mistakes.push(`${origin('consul.tokenFile')}: the file is empty; put the token into it`);
  }
  return {
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    token: token === undefined ? undefined : new Secret(token.trim()),
  };
}
