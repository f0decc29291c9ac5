/**
 * `npm run bundle`: the program as the image holds it, in dist/image. One file and what it loads on demand:
 * the client for kubeconfigs, which a pod never needs, stays out of memory.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const target = path.join(root, 'dist/image');
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: { main: 'src/main.ts' },
  outdir: target,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  chunkNames: 'chunks/[name]-[hash]',
  legalComments: 'external',
  // Names in stack traces, and lines that can be found.
  keepNames: true,
  logLevel: 'warning',
  // Packages written for CommonJS ask for Node's modules by require().
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  plugins: [
    {
      // There is no package.json beside the bundle.
      name: 'version',
      setup({ onLoad }) {
        onLoad({ filter: /src\/cli\/version\.ts$/ }, () => ({
          contents: `export const packageVersion = () => ${JSON.stringify(version)};`,
        }));
      },
    },
  ],
});
// Node has to be told that the files are modules.
writeFileSync(path.join(target, 'package.json'), `${JSON.stringify({ type: 'module', version })}\n`);
cpSync(path.join(root, 'LICENSE'), path.join(target, 'LICENSE'));
