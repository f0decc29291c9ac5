import { readFile } from 'node:fs/promises';
import { RegistrarError } from '../lib/errors.ts';
import { whyUnreadable } from '../lib/read-file.ts';

/** Rejects with `config` when the file cannot be read. */
export async function readTextFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    throw new RegistrarError('config', `${file}: cannot be read: ${whyUnreadable(thrown)}`);
  }
}
