/**
 * Holds the architecture: imports in src/ only point down the layers, never up or in a circle.
 * `node test/checks/layers.ts` prints every violation as file:line and exits 1.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** From the top to the bottom; a layer may import those after it. */
const layers = [
  'main',
  'cli',
  'operator',
  'config',
  'server',
  'leader',
  'reconcile',
  'kube',
  'registry',
  'consul',
  'naming',
  'metrics',
  'sandbox',
  'plan',
  'desired',
  'model',
  'lib',
];
/** Layers that must not know the others beside or between them and the model. */
const only: Record<string, readonly string[]> = {
  plan: ['model', 'lib'],
  desired: ['model', 'lib'],
  naming: ['lib'],
  sandbox: ['lib'],
  model: [],
  lib: [],
};

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

const layerOf = (file: string): string => file.split(path.sep)[0]?.replace(/\.ts$/, '') ?? '';

function upward(imports: readonly Import[]): string[] {
  const messages: string[] = [];
  for (const { from, line, to } of imports) {
    const [above, below] = [layerOf(from), layerOf(to)];
    if (above === below) continue;
    const ranks = [layers.indexOf(above), layers.indexOf(below)] as const;
    const allowed = only[above];
    if (ranks[0] < 0 || ranks[1] < 0) messages.push(`src/${from}:${line}: ${to} is in no known layer`);
    else if (ranks[1] < ranks[0]) messages.push(`src/${from}:${line}: ${above}/ must not import ${below}/`);
    else if (allowed && !allowed.includes(below)) {
      messages.push(
        `src/${from}:${line}: ${above}/ imports only ${allowed.join(', ') || 'itself'}, not ${below}/`,
      );
    }
  }
  return messages;
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

const imports = sourceFiles().flatMap(importsOf);
const problems = [...upward(imports), ...cycles(imports)];
for (const problem of problems) console.error(problem);
console.log(`layers: ${imports.length} imports, ${problems.length} violations`);
process.exitCode = problems.length === 0 ? 0 : 1;
