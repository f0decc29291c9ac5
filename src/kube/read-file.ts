import { readFile } from 'node:fs/promises';
import { describe, RegistrarError } from '../lib/errors.ts';

/** A file the configuration names. `what`: what it is to be: `the service account token`. */
export async function readConfigured(what: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    throw new RegistrarError('config', `${what} ${file}: ${whyUnreadable(thrown)}`, { cause: thrown });
  }
}

/** The reason a file could not be read, in words. */
export function whyUnreadable(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return describe(thrown).split('\n')[0] ?? '';
  }
}
