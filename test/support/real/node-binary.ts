/** Node in other versions than the one that runs the tests: from the npm package `node`, kept beside the servers. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheRoot } from '../../servers/programs.ts';
import { dataDir } from './data-dir.ts';

/** The path of the binary; installed at the first call. Rejects when npm cannot get it. */
export async function nodeBinary(version: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const directory = join(cacheRoot(env), `node-${version}-${process.platform}-${process.arch}`);
  const binary = join(directory, 'node');
  if (existsSync(binary)) return binary;
  const project = await dataDir('node');
  try {
    await writeFile(join(project, 'package.json'), '{ "private": true, "allowScripts": { "node": true } }\n');
    await promisify(execFile)('npm', ['install', '--no-audit', '--no-fund', `node@${version}`], {
      cwd: project,
      timeout: 300_000,
    });
    await mkdir(directory, { recursive: true });
    // Renamed into place: another run may do the same.
    const copy = join(directory, `${process.pid}`);
    await copyFile(join(project, 'node_modules/node/bin/node'), copy);
    await rename(copy, binary);
    return binary;
  } finally {
    await rm(project, { recursive: true, force: true });
  }
}
