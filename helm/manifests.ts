/**
 * `npm run manifests`: renders the parts of manifests/ that say the same as the chart. What differs from one
 * installation to the next (kustomization.yaml, configuration, patches) and the rights, from which the chart's
 * are made, are written by hand. A test holds both ways to install equal.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { requireServers } from '../test/servers/locate.ts';

const root = path.resolve(import.meta.dirname, '..');
const { helm } = await requireServers(['helm']);

const policies = ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'];

/** File below manifests/, the values it is rendered with, the kinds it holds, and what is in their names. */
const files: readonly (readonly [
  file: string,
  values: readonly string[],
  kinds: readonly string[],
  names?: RegExp,
])[] = [
  ['base/deployment.yaml', [], ['Deployment']],
  ['base/service.yaml', [], ['Service']],
  ['base/pod-disruption-budget.yaml', [], ['PodDisruptionBudget']],
  ['base/admission.yaml', [], policies],
  ['components/ingresses/admission.yaml', ['config.sync.sources={ingresses}'], policies, /-ingresses-/],
  ['components/gateways/admission.yaml', ['config.sync.sources={gateways}'], policies, /-routes-/],
  ['components/monitoring/service-monitor.yaml', ['serviceMonitor.enabled=true'], ['ServiceMonitor']],
  ['components/monitoring/prometheus-rule.yaml', ['prometheusRule.enabled=true'], ['PrometheusRule']],
  [
    'components/network-policy/network-policy.yaml',
    ['networkPolicy.enabled=true', 'config.consul.addresses={https://consul.example:8501}'],
    ['NetworkPolicy'],
  ],
];

for (const [file, values, kinds, names = /./] of files) {
  const name = 'kube-registrar';
  const sets = values.flatMap((value) => ['--set', value]);
  const chart = path.join(root, 'helm', name);
  const rendered = execFileSync(helm, ['template', name, chart, '-n', name, ...sets], { encoding: 'utf8' });
  const documents = rendered
    .split(/^---\n/m)
    .filter((document) => kinds.includes(/^kind: (.*)$/m.exec(document)?.[1] ?? ''))
    .filter((document) => names.test(/^ {2}name: (.*)$/m.exec(document)?.[1] ?? ''))
    .map(withoutHelm);
  writeFileSync(
    path.join(root, 'manifests', file),
    `# Made by \`npm run manifests\` from the chart; changes here are lost.\n${documents.join('---\n')}`,
  );
}

/** Without what only Helm needs to find its own again. */
function withoutHelm(document: string): string {
  const helms = /^( *(helm\.sh\/chart|app\.kubernetes\.io\/(managed-by|version)):.*|# Source: .*)\n/gm;
  const checksum = /^ *# A change of the configuration.*\n *checksum\/config:.*\n/m;
  return `${document.replaceAll(helms, '').replace(checksum, '').trim()}\n`;
}
