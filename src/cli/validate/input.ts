import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { RegistrarError } from '../../lib/errors.ts';
import { whyUnreadable } from '../../lib/read-file.ts';
import type { Input } from '../context.ts';

/** Of all files together, so that the time is bounded: some seconds for each megabyte at worst. */
const mostBytes = 32 * 1024 * 1024;
const mostFiles = 10_000;

export interface InputFile {
  /** As in messages: never like an instruction to a CI system. */
  readonly name: string;
  readonly text: string;
}

/**
 * The texts of files, of the YAML and JSON files in directories, and of standard input (`-`), one after the other.
 * Rejects with `config` when one cannot be read, or when they are too many or too large.
 */
export async function* readInput(
  names: readonly string[],
  { recursive, stdin = [] }: { readonly recursive: boolean; readonly stdin?: Input | [] | undefined },
): AsyncIterable<InputFile> {
  let files = 0;
  let left = mostBytes;
  for (const given of names) {
    for (const file of given === '-' ? [given] : await filesAt(given, recursive)) {
      files += 1;
      if (files > mostFiles) {
        throw new RegistrarError('config', `${given}: more than ${mostFiles} files; validate fewer at once`);
      }
      const name = file === '-' ? '<stdin>' : shownName(file);
      const bytes = await readUpTo(left, name, file === '-' ? stdin : createReadStream(file));
      left -= bytes.length;
      yield { name, text: bytes.toString('utf8') };
    }
  }
}

async function filesAt(name: string, recursive: boolean): Promise<string[]> {
  try {
    if (!(await stat(name)).isDirectory()) return [name];
    const entries = await readdir(name, { recursive, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && /\.(?:ya?ml|json)$/i.test(entry.name))
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort();
  } catch (thrown) {
    throw unreadable(name, thrown);
  }
}

async function readUpTo(
  most: number,
  name: string,
  source: AsyncIterable<string | Uint8Array> | [],
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source) {
      const bytes = Buffer.from(chunk as string);
      length += bytes.length;
      if (length > most) break;
      chunks.push(bytes);
    }
  } catch (thrown) {
    throw unreadable(name, thrown);
  }
  if (length <= most) return Buffer.concat(chunks);
  const limit = `${mostBytes / 1024 / 1024} MiB`;
  throw new RegistrarError('config', `${name}: more than ${limit} in total; validate fewer files at once`);
}

const unreadable = (name: string, thrown: unknown): RegistrarError =>
  new RegistrarError('config', `${name}: cannot be read: ${whyUnreadable(thrown)}`);

/** A name that a CI system would read as an instruction (`::error::`) gets its directory in front. */
const shownName = (file: string): string => (/^[\w./]/.test(file) ? file : `./${file}`);
