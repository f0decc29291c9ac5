import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Every module loaded, directly or not, by a program that imports `src/naming/naming.ts`: URLs. */
function loadedModules(): string[] {
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    await import('./src/naming/naming.ts');
    console.log(JSON.stringify(loaded));
  `;
  const stdout = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: root,
    encoding: 'utf8',
  });
  return JSON.parse(stdout) as string[];
}

describe('the export kube-registrar/naming', () => {
  test('loads the Consul and the HTTP client and nothing else from node_modules: no Kubernetes client', () => {
    const packages = loadedModules()
      .map((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1])
      .filter((name) => name !== undefined);
    assert.deepEqual([...new Set(packages)].sort(), ['consul', 'papi', 'undici']);
  });

  test('loads nothing of the operator', () => {
    const layers = loadedModules()
      .map((url) => /\/src\/(\w+)\//.exec(url)?.[1])
      .filter((layer) => layer !== undefined);
    assert.deepEqual([...new Set(layers)].sort(), ['consul', 'lib', 'naming']);
  });

  test('points at what the build makes of src/naming/naming.ts', () => {
    const read = (file: string) => JSON.parse(readFileSync(path.join(root, file), 'utf8'));
    const { rootDir, outDir } = read('tsconfig.build.json').compilerOptions;
    const built = path.join(outDir, path.relative(rootDir, 'src/naming/naming'));
    assert.deepEqual(read('package.json').exports['./naming'], {
      types: `./${built}.d.ts`,
      default: `./${built}.js`,
    });
  });
});
