import type { ChartValue } from './values.ts';

/** The chart's README: how to install, and every value. */
export function valuesReference(values: readonly ChartValue[]): string {
  const rows = values.map(({ path, initial, description }) => {
    const shown = initial === '' ? '–' : `\`${JSON.stringify(initial)}\``;
    return `| \`${path.join('.')}\` | ${shown} | ${description.replaceAll('|', '\\|')} |`;
  });
  return `# kube-registrar

<!-- Made by \`npm run docs\` from values.yaml; changes here are lost. -->

Installs [kube-registrar](../../README.md), which keeps Consul's catalog in sync with a Kubernetes cluster.

\`\`\`sh
helm install kube-registrar ./helm/kube-registrar --namespace kube-registrar --create-namespace \\
  --set config.cluster.name=prod --set 'config.consul.addresses={https://consul.example:8501}'
helm test kube-registrar --namespace kube-registrar
\`\`\`

More in [installing](../../docs/install.md). Values that make no sense are refused with their place.

| value | default | meaning |
|---|---|---|
${rows.join('\n')}
`;
}
