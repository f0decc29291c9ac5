/** The image, built from the Dockerfile as it is by buildah; only the two bases are stand-ins. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireServers } from '../../servers/locate.ts';
import { cacheRoot } from '../../servers/programs.ts';
import { dataDir } from '../real/data-dir.ts';
import { root } from '../real/helm.ts';
import { bases, nodeBase, plainBase } from './bases.ts';

const run = promisify(execFile);

/** The name the chart asks for by default. */
export const imageName = `docker.io/library/kube-registrar:${(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }).version}`;

/** Builds anew; resolves with the path of an OCI archive, `into`. */
export async function buildImage(into: string, signal: AbortSignal): Promise<string> {
  const programs = await requireServers(['buildah', 'runc']);
  const { node, plain } = await bases(signal);
  const dir = await dataDir('buildah');
  const policy = join(dir, 'policy.json');
  const registries = join(dir, 'registries.conf');
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  await writeFile(registries, '');
  // Overlays cannot be stacked on some machines' own; copies can.
  const storage = ['--root', join(dir, 'root'), '--runroot', join(dir, 'run'), '--storage-driver', 'vfs'];
  const buildah = (...args: readonly string[]) =>
    run(programs.buildah, ['--registries-conf', registries, ...storage, ...args], {
      cwd: root,
      signal,
      maxBuffer: 64 * 1024 * 1024,
    });
  try {
    for (const base of [node, plain]) {
      await buildah('pull', '--signature-policy', policy, `docker-archive:${base}`);
    }
    await buildah(
      'build',
      ...['--signature-policy', policy, '--pull-never', '--isolation', 'oci', '--runtime', programs.runc],
      ...['--network', 'host', '--timestamp', '0', '--format', 'oci', '--tag', imageName],
      ...['--build-arg', `NODE_IMAGE=${nodeBase}`, '--build-arg', `BASE_IMAGE=${plainBase}`],
      ...['--ulimit', 'nofile=20000:20000', '--file', 'Dockerfile', '.'],
    );
    await buildah('push', '--signature-policy', policy, imageName, `oci-archive:${into}:${imageName}`);
    return into;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The image of these sources, from the cache when it has been built. */
export async function operatorImage(signal: AbortSignal): Promise<string> {
  const directory = join(cacheRoot(process.env), 'images');
  const file = join(directory, `${await sourceDigest()}.tar`);
  await mkdir(directory, { recursive: true });
  if ((await readdir(directory)).includes(file.slice(directory.length + 1))) return file;
  const unfinished = join(directory, `.${process.pid}.tar`);
  try {
    await buildImage(unfinished, signal);
    // Of older sources; a cache of one is enough.
    for (const name of await readdir(directory)) {
      if (!name.startsWith('.')) await rm(join(directory, name), { force: true });
    }
    await rename(unfinished, file);
  } finally {
    await rm(unfinished, { force: true });
  }
  return file;
}

/** Of all that the Dockerfile copies, and of what it is built with. */
async function sourceDigest(): Promise<string> {
  const hash = createHash('sha256');
  const files = ['Dockerfile', 'package.json', 'package-lock.json', 'LICENSE'];
  for (const folder of ['image', 'src']) {
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(root.length);
      if (entry.isFile() && !path.endsWith('.test.ts')) files.push(path);
    }
  }
  files.push('test/support/node/build-image.ts', 'test/support/node/bases.ts');
  for (const file of files.sort()) hash.update(`${file}\n`).update(await readFile(join(root, file)));
  return hash.digest('hex').slice(0, 16);
}
