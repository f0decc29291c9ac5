import { readFile } from 'node:fs/promises';
import { describe, RegistrarError } from './errors.ts';

/** The text of a file that the configuration names. `what`: what the file is: `the service account token`. */
export async function readConfigured(what: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    throw new RegistrarError('config', `${what} ${file}: ${whyUnreadable(thrown)}`, { cause: thrown });
  }
}

export const noSuchFile = 'there is no such file; correct the path or create it';

/** Why a file cannot be read, and what to do about it. */
export function whyUnreadable(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  switch (code) {
    case 'ENOENT':
      return noSuchFile;
    case 'EACCES':
    case 'EPERM':
      return 'permission denied; let this user read it';
    case 'EISDIR':
      return 'it is a directory; name a file in it';
    default:
      return describe(thrown).split('\n', 1)[0] ?? '';
  }
}
