/**
 * `npm run build:naming`: the package kube-registrar-naming in packages/naming/dist, complete and ready to be packed.
 * It holds src/naming and what that reaches, compiled; its package.json is made from the root's.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

interface PackageJson {
  readonly version: string;
  readonly license: string;
  readonly homepage: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

const here = import.meta.dirname;
const root = path.resolve(here, '../..');
const target = path.join(here, 'dist');
const entry = 'src/naming/naming.ts';

/** The packages the code imports when it runs, with the versions that the root has. */
async function dependencies(versions: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    metafile: true,
    write: false,
  });
  const imported = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports.map(({ path: name }) => name))
    .filter((name) => !name.startsWith('node:'))
    .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
  return Object.fromEntries(
    [...new Set(imported)].sort().map((name) => {
      const version = versions[name];
      if (version === undefined)
        throw new Error(`${entry} reaches ${name}, which package.json does not name`);
      return [name, version];
    }),
  );
}

const {
  version,
  license,
  homepage,
  dependencies: versions,
} = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as PackageJson;
const exported = { types: './dist/naming/naming.d.ts', default: './dist/naming/naming.js' };
const manifest = {
  name: 'kube-registrar-naming',
  version,
  description: 'Finds, follows and registers services in Consul',
  keywords: ['consul', 'service-discovery'],
  license,
  homepage,
  type: 'module',
  // undici needs it; the code itself needs 22.
  engines: { node: '>=22.19' },
  exports: { '.': exported },
  types: exported.types,
  sideEffects: false,
  files: ['dist'],
  dependencies: await dependencies(versions),
};

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
execFileSync('tsc', ['-p', here], { stdio: 'inherit' });
writeFileSync(path.join(target, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
cpSync(path.join(here, 'README.md'), path.join(target, 'README.md'));
cpSync(path.join(root, 'LICENSE'), path.join(target, 'LICENSE'));
