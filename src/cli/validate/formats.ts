import { isField, servicesField } from '../../desired/fields.ts';
import { visible, visibleLines } from '../../lib/visible.ts';
import { packageVersion } from '../version.ts';
import type { ManifestMistake } from './manifest-mistake.ts';

export type Format = 'text' | 'json' | 'github' | 'sarif';

export interface Finding extends ManifestMistake {
  readonly file: string;
  /** Undefined: the file cannot be read as YAML. */
  readonly object: { readonly kind: string; readonly namespace: string; readonly name: string } | undefined;
}

/** What was found, as text that ends with a line feed or is empty. Names and texts from manifests control nothing. */
export function format(findings: readonly Finding[], as: Format): string {
  switch (as) {
    case 'text':
      return findings.map((finding) => `${visible(textOf(finding))}\n`).join('');
    case 'github':
      return findings.map((finding) => `${commandOf(finding)}\n`).join('');
    case 'json':
      return visibleJson({
        findings: findings.map(({ object, ...rest }) => ({ ...rest, object: object ?? null })),
      });
    case 'sarif':
      return visibleJson(sarifOf(findings));
  }
}

function textOf(finding: Finding): string {
  const { file, line, column, severity, object } = finding;
  const where = object === undefined ? '' : `${object.kind}/${object.name}: `;
  return `${file}:${line}:${column}: ${where}${severity === 'warning' ? 'warning: ' : ''}${whatOf(finding)}`;
}

const whatOf = ({ field, message }: Finding): string => (field === '' ? message : `${field}: ${message}`);

/** A command of a workflow: https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
function commandOf(finding: Finding): string {
  const { file, line, column, severity, object } = finding;
  const title = object === undefined ? 'YAML' : `${object.kind}/${object.name}`;
  const properties = Object.entries({ file, line, col: column, title })
    .map(([key, value]) => `${key}=${escaped(String(value)).replaceAll(':', '%3A').replaceAll(',', '%2C')}`)
    .join(',');
  return `::${severity} ${properties}::${escaped(whatOf(finding))}`;
}

const escaped = (text: string): string => visible(text).replaceAll('%', '%25');

/** Static Analysis Results Interchange Format 2.1.0, as GitHub's code scanning and others read it. */
function sarifOf(findings: readonly Finding[]): object {
  const rules = [...new Set(findings.map(ruleOf))].sort();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'kube-registrar',
            semanticVersion: packageVersion(),
            informationUri: 'https://github.com/kube-registrar/kube-registrar',
            rules: rules.map((id) => ({ id })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => ({
          ruleId: ruleOf(finding),
          ruleIndex: rules.indexOf(ruleOf(finding)),
          level: finding.severity,
          message: { text: titled(finding) },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uriOf(finding.file) },
                region: { startLine: finding.line, startColumn: finding.column },
              },
            },
          ],
        })),
      },
    ],
  };
}

const titled = (finding: Finding): string => {
  const { object } = finding;
  return object === undefined ? whatOf(finding) : `${object.kind}/${object.name}: ${whatOf(finding)}`;
};

/** The annotation at fault; what is unknown has one rule, so that manifests do not make up rules. */
function ruleOf({ field, object }: Finding): string {
  if (object === undefined) return 'yaml';
  const name = /^[^.[]*/.exec(field)![0];
  if (name === '') return 'object';
  return name === 'meta' || name === servicesField || isField(name) ? name : 'unknown-annotation';
}

const uriOf = (file: string): string => file.toWellFormed().split('/').map(encodeURIComponent).join('/');

const visibleJson = (value: unknown): string => visibleLines(`${JSON.stringify(value, undefined, 2)}\n`);
