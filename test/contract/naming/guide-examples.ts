import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const exported = pathToFileURL(path.join(root, 'src/naming/naming.ts')).href;

/** Only for a program that never ends: a busy machine may take half a minute to start one. */
const endlessMs = 300_000;

export interface GuideExample {
  /** `docs/naming.md:line`. */
  readonly place: string;
  readonly code: string;
}

/** The programs in docs/naming.md marked `<!-- run -->`, or `<!-- run with Consul -->`. */
export function guideExamples(marker: 'run' | 'run with Consul'): GuideExample[] {
  const guide = readFileSync(path.join(root, 'docs/naming.md'), 'utf8');
  const blocks = guide.matchAll(/<!-- (run(?: with Consul)?) -->\n```ts\n(.*?)```/gs);
  return [...blocks]
    .filter(([, found]) => found === marker)
    .map(({ 2: code = '', index }) => ({
      place: `docs/naming.md:${guide.slice(0, index).split('\n').length}`,
      code,
    }));
}

/** Runs a program as a reader would, against the sources; resolves with what it printed. */
export async function runExample({ code }: GuideExample, env: Record<string, string> = {}): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module-typescript', '--eval', code.replaceAll('kube-registrar-naming', exported)],
    { cwd: root, env: { ...process.env, ...env, NODE_OPTIONS: '' }, timeout: endlessMs },
  );
  if (stderr !== '') throw new Error(stderr);
  return stdout;
}
