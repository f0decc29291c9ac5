/**
 * Stand-ins for the two images that the Dockerfile builds on, made from packages of this machine's Debian or Ubuntu:
 * what they have to offer to the build and to the program, and nothing else. They are made once and kept in the cache.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import {
  access,
  chmod,
  copyFile,
  cp,
  mkdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { unpackPackages } from '../../servers/debian.ts';
import { cacheRoot, release } from '../../servers/programs.ts';
import { dataDir } from '../real/data-dir.ts';
import { root as checkout } from '../real/helm.ts';
import { packImage } from './images.ts';

const run = promisify(execFile);
const certificates = '/etc/ssl/certs/ca-certificates.crt';

/** As in the Dockerfile's arguments. */
export const nodeBase = 'localhost/node:stand-in';
export const plainBase = 'localhost/cc-nonroot:stand-in';

/** Archives of both. */
export interface Bases {
  readonly node: string;
  readonly plain: string;
}

/** What a distroless image for C++ has: the C and C++ libraries, certificates and a user 65532. */
const libraries = ['libc6', 'libgcc-s1', 'libstdc++6'];
/** What a build needs beside Node: a shell, find and touch, with their libraries. */
const tools = [
  'dash',
  'coreutils',
  'findutils',
  'libselinux1',
  'libpcre2-8-0',
  'libacl1',
  'libattr1',
  'libgmp10',
];

export async function bases(signal: AbortSignal): Promise<Bases> {
  const npm = await npmDirectory();
  const text = await Promise.all(
    [import.meta.filename, join(npm, 'package.json'), process.execPath].map(digest),
  );
  const key = createHash('sha256').update(text.join()).digest('hex').slice(0, 16);
  const dir = join(cacheRoot(process.env), `${release()}-${process.arch}`, `bases-${key}`);
  const result = { node: join(dir, 'node.tar'), plain: join(dir, 'plain.tar') };
  if (await exists(result.plain)) return result;
  const unfinished = await dataDir('bases');
  try {
    const [build, plain] = [join(unfinished, 'build'), join(unfinished, 'plain')];
    await unpackPackages(libraries, plain, process.env, signal);
    await withUser(plain);
    await unpackPackages([...libraries, ...tools], build, process.env, signal);
    await withUser(build);
    await symlink('dash', join(build, 'bin/sh')).catch(() => {});
    await withNode(build, npm);
    await mkdir(dir, { recursive: true });
    const env = ['PATH=/usr/local/bin:/usr/bin:/bin', 'HOME=/root', ...(await npmSettings())];
    await packImage(nodeBase, build, { Env: env, Cmd: ['node'] }, join(unfinished, 'node.tar'));
    const user = { User: '65532', Env: [`SSL_CERT_FILE=${certificates}`, 'PATH=/usr/bin:/bin'] };
    await packImage(plainBase, plain, user, join(unfinished, 'plain.tar'));
    for (const name of ['node.tar', 'plain.tar']) await move(join(unfinished, name), join(dir, name));
    return result;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function withUser(root: string): Promise<void> {
  for (const folder of ['etc/ssl/certs', 'home/nonroot', 'root'])
    await mkdir(join(root, folder), { recursive: true });
  await mkdir(join(root, 'tmp'), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  const users = [
    'root:x:0:0:root:/root:/sbin/nologin',
    'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin',
  ];
  await writeFile(join(root, 'etc/passwd'), `${users.join('\n')}\n`);
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
  await copyFile(certificates, join(root, certificates));
}

/** The Node the tests run on, which is the Dockerfile's, and npm. */
async function withNode(root: string, npm: string): Promise<void> {
  const modules = join(root, 'usr/local/lib/node_modules');
  await mkdir(join(root, 'usr/local/bin'), { recursive: true });
  await mkdir(modules, { recursive: true });
  await copyFile(process.execPath, join(root, 'usr/local/bin/node'));
  await chmod(join(root, 'usr/local/bin/node'), 0o755);
  await cp(npm, join(modules, 'npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
  await mkdir(join(root, 'usr/bin'), { recursive: true });
  if (!(await exists(join(root, 'usr/bin/env')))) throw new Error('the package coreutils has no env');
}

/** The directory of the npm that runs this, or of the one on the PATH. */
async function npmDirectory(): Promise<string> {
  const cli = process.env['npm_execpath'];
  if (cli?.endsWith('npm-cli.js')) return dirname(dirname(cli));
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const found = await realpath(join(folder, 'npm')).catch(() => '');
    if (found.endsWith('npm-cli.js')) return dirname(dirname(found));
  }
  throw new Error('npm is not on the PATH');
}

/** The registry this machine uses, and certificates of a proxy on the way to it. */
async function npmSettings(): Promise<string[]> {
  const { stdout } = await run('npm', ['config', 'get', 'registry'], { cwd: checkout });
  return [`npm_config_registry=${stdout.trim()}`, `NODE_EXTRA_CA_CERTS=${certificates}`];
}

async function digest(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

async function move(from: string, to: string): Promise<void> {
  await copyFile(from, `${to}.${process.pid}`);
  await rename(`${to}.${process.pid}`, to);
}

function exists(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
