/**
 * `npm run pack:krew -- URL`: the plugin of kubectl for krew in packages/krew/dist: an archive with the bundle of the
 * image, and the plugin's manifest, which says that the archive is found at URL. It needs Node 24 on the user's path.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import { bundle } from '../../image/bundle.ts';

const root = path.resolve(import.meta.dirname, '../..');
const names = ['kubectl-registrar', 'kubectl_complete-registrar'];

/** Writes the archive and its manifest to `target`; `url` is where krew will find the archive. */
export async function packKrew(target: string, url: string): Promise<void> {
  const { version, homepage } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly homepage: string;
  };
  const content = path.join(target, 'registrar');
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await bundle(content);
  rmSync(path.join(content, 'kube-registrar'));
  // The name that it is called by says what it is to do, so each is a file.
  for (const name of names) {
    const file = path.join(content, name);
    writeFileSync(file, "#!/usr/bin/env node\nimport './main.js';\n");
    chmodSync(file, 0o755);
  }

  const archive = path.join(target, `kubectl-registrar-${version}.tar.gz`);
  const reproducible = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  const files = execFileSync('tar', [...reproducible, '-c', '-C', content, '.'], { maxBuffer: 100_000_000 });
  writeFileSync(archive, gzipSync(files));
  const sha256 = createHash('sha256').update(readFileSync(archive)).digest('hex');
  const plugin = {
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'registrar' },
    spec: {
      version: `v${version}`,
      homepage,
      shortDescription: 'Explain what is registered in Consul, and why',
      description:
        'Explains what kube-registrar registers in Consul for a pod, a Service or a workload and why, shows what it ' +
        'would change, validates annotations in manifests, and finds services as consumers do.\n',
      caveats: 'Needs Node 24 or later on the path.\n',
      platforms: [
        {
          selector: { matchExpressions: [{ key: 'os', operator: 'In', values: ['darwin', 'linux'] }] },
          uri: url,
          sha256,
          bin: 'kubectl-registrar',
        },
      ],
    },
  };
  writeFileSync(path.join(target, 'registrar.yaml'), stringify(plugin, { lineWidth: 0 }));
}

if (import.meta.main) {
  const [url] = process.argv.slice(2);
  if (url === undefined) {
    process.stderr.write('error: say where the archive will be: npm run pack:krew -- https://...tar.gz\n');
    process.exit(1);
  }
  await packKrew(path.join(import.meta.dirname, 'dist'), url);
}
