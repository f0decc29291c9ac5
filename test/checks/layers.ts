/**
 * Holds the architecture: a folder of src/, or a file in it, imports only from layers below its own. It is
 * in the lowest layer that its imports allow, so that the list says how much has to be known to read it.
 * `node test/checks/layers.ts` prints every violation and exits 1.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** From the top to the bottom; folders of one layer do not import each other. */
const layers: readonly (readonly string[])[] = [
  ['main'],
  ['cli'],
  ['operator'],
  ['server'],
  ['leader', 'reconcile'],
  ['kube', 'registry', 'config', 'naming'],
  ['consul', 'metrics', 'sandbox', 'plan', 'desired'],
  ['model', 'logging', 'lib'],
];
/** Folders that may import only some of those below them. */
const only: Record<string, readonly string[]> = {
  plan: ['model', 'lib'],
  desired: ['model', 'lib'],
  naming: ['consul', 'lib'],
  sandbox: ['lib'],
};

/** The two ways to register: what is beside them in registry/ imports neither, and neither imports the other. */
const apart: readonly string[] = ['registry/catalog', 'registry/agent'];

interface Import {
  readonly from: string;
  readonly line: number;
  readonly to: string;
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const src = path.join(root, 'src');

function sourceFiles(): string[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .sort();
}

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(src, file), 'utf8');
  const found: Import[] = [];
  for (const match of text.matchAll(/(?:from\s+|import\s+|import\()'(\.[^']+)'/g)) {
    const to = path.join(path.dirname(file), match[1] ?? '');
    found.push({ from: file, line: text.slice(0, match.index).split('\n').length, to });
  }
  return found;
}

const folderOf = (file: string): string => file.split(path.sep)[0]?.replace(/\.ts$/, '') ?? '';
const layerOf = (folder: string): number => layers.findIndex((folders) => folders.includes(folder));

function upward(imports: readonly Import[]): string[] {
  const messages: string[] = [];
  for (const { from, line, to } of imports) {
    const [folder, other] = [folderOf(from), folderOf(to)];
    if (folder === other) continue;
    const [above, below] = [layerOf(folder), layerOf(other)];
    const allowed = only[folder];
    if (above < 0 || below < 0) messages.push(`src/${from}:${line}: ${to} is in no known folder`);
    else if (below <= above) messages.push(`src/${from}:${line}: ${folder}/ must not import ${other}/`);
    else if (allowed && !allowed.includes(other)) {
      messages.push(`src/${from}:${line}: ${folder}/ imports only ${allowed.join(', ')}, not ${other}/`);
    }
  }
  return messages;
}

/** Folders that could be lower: they import nothing from the next layer. */
function tooHigh(imports: readonly Import[]): string[] {
  return layers.flatMap((folders, layer) =>
    folders.flatMap((folder) => {
      const below = imports
        .filter(({ from, to }) => folderOf(from) === folder && folderOf(to) !== folder)
        .map(({ to }) => layerOf(folderOf(to)));
      const lowest = Math.min(layers.length, ...below) - 1;
      return lowest > layer ? [`${folder}/ could be ${lowest - layer} lower in test/checks/layers.ts`] : [];
    }),
  );
}

function cycles(imports: readonly Import[]): string[] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const messages: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) {
      messages.push(`cycle: ${[...trail.slice(start), file].join(' → ')}`);
      return;
    }
    if (done.has(file)) return;
    for (const to of targets.get(file) ?? []) visit(to, [...trail, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return messages;
}

function acrossApart(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, line, to }) => {
    const target = path.dirname(to);
    const [inside, shared] = [path.dirname(from) === target, folderOf(from) === folderOf(to)];
    return apart.includes(target) && shared && !inside
      ? [`src/${from}:${line}: must not import ${target}/`]
      : [];
  });
}

const imports = sourceFiles().flatMap(importsOf);
const problems = [...upward(imports), ...acrossApart(imports), ...tooHigh(imports), ...cycles(imports)];
for (const problem of problems) console.error(problem);
console.log(`layers: ${imports.length} imports, ${problems.length} violations`);
process.exitCode = problems.length === 0 ? 0 : 1;
