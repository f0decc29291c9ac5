/** Images made without a registry, as archives that `ctr images import` and buildah read. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireServers } from '../../servers/locate.ts';
import { dataDir } from '../real/data-dir.ts';

const run = promisify(execFile);

export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
}

/** Packs the files below a directory as an image of one layer; resolves with the archive's path, `into`. */
export async function packImage(
  name: string,
  rootDirectory: string,
  config: ImageConfig,
  into: string,
): Promise<string> {
  const dir = await dataDir('image');
  try {
    const flags = ['--sort=name', '--mtime=@0', '--numeric-owner'];
    await run('tar', ['-C', rootDirectory, ...flags, '-cf', join(dir, 'layer.tar'), '.']);
    const layer = createHash('sha256')
      .update(await readFile(join(dir, 'layer.tar')))
      .digest('hex');
    const text = JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'the tests' }],
    });
    const configFile = `${createHash('sha256').update(text).digest('hex')}.json`;
    await writeFile(join(dir, configFile), text);
    const manifest = [{ Config: configFile, RepoTags: [name], Layers: ['layer.tar'] }];
    await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
    await run('tar', ['-C', dir, ...flags, '-cf', into, 'manifest.json', configFile, 'layer.tar']);
    return into;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** An image with busybox and its commands, and nothing else. */
export async function packBusybox(name: string, config: ImageConfig): Promise<string> {
  const { busybox } = await requireServers(['busybox']);
  const dir = await dataDir('busybox');
  const root = join(dir, 'root');
  await mkdir(join(root, 'bin'), { recursive: true });
  await mkdir(join(root, 'tmp'), { mode: 0o777 });
  // What was unpacked has a script in front of it, for a shell that the image does not have.
  await copyFile(join(busybox, '../root/bin/busybox'), join(root, 'bin/busybox'));
  const { stdout } = await run(busybox, ['--list']);
  for (const command of stdout.trim().split('\n')) {
    if (command !== 'busybox') await symlink('busybox', join(root, 'bin', command));
  }
  return packImage(name, root, config, join(dir, 'image.tar'));
}
