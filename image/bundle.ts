/**
 * `npm run bundle`: the program as the image holds it, in dist/image or the directory given. One file and what it
 * loads on demand: the client for kubeconfigs, which a pod never needs, stays out of memory. The demo and its servers
 * are left out.
 */
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { sbom } from './sbom.ts';
import { slim } from './slim.ts';

const root = path.resolve(import.meta.dirname, '..');

/** Writes the bundle to `target`; returns the files it is made from, relative to the project. */
export async function bundle(target: string): Promise<readonly string[]> {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };

  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: 'src/main.ts' },
    outdir: target,
    bundle: true,
    metafile: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    chunkNames: 'chunks/[name]-[hash]',
    legalComments: 'external',
    // Node keeps the text of every file in memory, in twice the space where a comment holds another character than
    // Latin ones. Names stay as they are, for stack traces, and lines short enough to find something on. `keepNames`
    // would give each function its name again whenever it is made, also those made for each change.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 100,
    logLevel: 'warning',
    // Packages written for CommonJS ask for Node's modules by require().
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    plugins: [
      slim,
      {
        name: 'no demo',
        setup({ onResolve }) {
          onResolve({ filter: /\/demo\/demo-command\.ts$/ }, () => ({
            path: path.join(root, 'image/no-demo.ts'),
          }));
        },
      },
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
  // For `kubectl exec … -- kube-registrar explain`, where there is no env to find Node. It takes its memory from the
  // operator's limit: a small nursery is slower and saves a fifth.
  const command = path.join(target, 'kube-registrar');
  writeFileSync(command, "#!/usr/local/bin/node --max-semi-space-size=1\nimport './main.js';\n");
  chmodSync(command, 0o755);
  cpSync(path.join(root, 'LICENSE'), path.join(target, 'LICENSE'));
  // Of what is in the files written; what was read and dropped again is not in the image.
  const used = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([input, { bytesInOutput }]) => (bytesInOutput > 0 ? input : [])),
  );
  writeFileSync(path.join(target, 'sbom.cdx.json'), `${JSON.stringify(sbom(root, used), undefined, 2)}\n`);
  return used;
}

if (import.meta.main) await bundle(path.resolve(process.argv[2] ?? path.join(root, 'dist/image')));
