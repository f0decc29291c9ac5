/** The plugin of kubectl as krew gets it. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { parse } from 'yaml';
import { packKrew } from '../../packages/krew/build.ts';

describe('the plugin for krew', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'kube-registrar-krew-'));
  after(() => rmSync(directory, { recursive: true, force: true }));

  test('is an archive that runs where it is unpacked, and a manifest that names it', async () => {
    const [one, two] = ['one', 'two'].map((name) => path.join(directory, name)) as [string, string];
    const url = 'https://example.com/registrar.tar.gz';
    await packKrew(one, url);
    await packKrew(two, url);
    const manifest = readFileSync(path.join(one, 'registrar.yaml'), 'utf8');
    assert.equal(readFileSync(path.join(two, 'registrar.yaml'), 'utf8'), manifest, 'the archive is reproducible');
    const { kind, spec } = parse(manifest);
    const [platform] = spec.platforms;
    assert.deepEqual([kind, platform.uri, platform.bin], ['Plugin', url, 'kubectl-registrar']);
    assert.ok(spec.shortDescription.length <= 50 && !spec.shortDescription.endsWith('.'), 'as krew wants it');

    const archive = path.join(one, readdirSync(one).find((name) => name.endsWith('.tar.gz'))!);
    assert.equal(createHash('sha256').update(readFileSync(archive)).digest('hex'), platform.sha256);
    const unpacked = path.join(directory, 'unpacked');
    mkdirSync(unpacked);
    execFileSync('tar', ['-xzf', archive, '-C', unpacked]);
    const env = { PATH: `${path.dirname(process.execPath)}:${process.env['PATH']}` };
    const run = (name: string, ...argv: readonly string[]) =>
      spawnSync(path.join(unpacked, name), argv, { encoding: 'utf8', env });
    const help = run(platform.bin, 'explain', '--help');
    assert.match(help.stdout, /^Usage: kubectl registrar explain /);
    assert.equal(run(platform.bin, '--version').stdout, `${spec.version.slice(1)}\n`);
    assert.equal(run('kubectl_complete-registrar', 'explain', 'dep').stdout, 'deploy/\n:6\n');
  });
});
