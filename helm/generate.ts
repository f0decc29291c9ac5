/**
 * Writes what the chart takes from elsewhere: `npm run docs`. The files are checked in, and a test holds them
 * equal to their sources.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { routeSources } from '../src/model/route.ts';
import { admissionRules } from './admission/rules.ts';
import { dashboard } from './dashboard.ts';
import { chartRules } from './rbac-rules.ts';
import { readValues } from './values.ts';
import { valuesReference } from './values-reference.ts';
import { valuesSchema } from './values-schema.ts';

export const chartDirectory = path.join(import.meta.dirname, 'kube-registrar');

const made = (from: string): string => `# Made by \`npm run docs\` from ${from}; changes here are lost.\n`;
// References between nodes would be anchors, which Helm's reader of files does not need to know.
const yaml = (value: unknown): string => stringify(value, { aliasDuplicateObjects: false, lineWidth: 110 });

/** The generated files: path in the chart and text. */
export function chartFiles(): Readonly<Record<string, string>> {
  const values = readValues(readFileSync(path.join(chartDirectory, 'values.yaml'), 'utf8'));
  const manifest = (name: string) =>
    readFileSync(path.resolve(import.meta.dirname, '../manifests', name, 'rbac.yaml'), 'utf8');
  const sources = Object.fromEntries(routeSources.map((name) => [name, manifest(`components/${name}`)]));
  const rules = chartRules(manifest('base'), manifest('components/namespaces'), sources);
  return {
    'README.md': valuesReference(values),
    'values.schema.json': `${JSON.stringify(valuesSchema(values), undefined, 2)}\n`,
    'files/dashboard.json': `${JSON.stringify(dashboard(), undefined, 2)}\n`,
    'files/rbac-rules.yaml': made('the rbac.yaml files in manifests') + yaml(rules),
    'files/admission.yaml': made('helm/admission and the grammar in src/desired') + yaml(admissionRules()),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(chartFiles())) {
    writeFileSync(path.join(chartDirectory, name), text);
  }
}
